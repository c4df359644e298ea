/* draw: a tree on a canvas, and what lies where on it. */
import type { Palette } from './colours';
import type { Labels, Tree } from './tree';
import { brief, KIND_GLYPHS } from './words';

export const ROW = 19;
const NARROW = 0.4; /* pixels: what is thinner is not drawn, nor what is in it */
const LETTER = 6.62; /* width of one at FONT; measured anew by measure() */
const FONT = '11px ui-monospace, "Cascadia Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/* Widths of a comparison: the new profile, the base, or the mean of both so that nothing is hidden. */
export type Side = 'new' | 'base' | 'diff';

export interface Layout { tree: Tree; width: Float64Array; x: Float64Array; root: number; px: number; rows: number; scale: number }

export function widths(t: Tree, side: Side): { width: Float64Array; x: Float64Array } {
  let width = t.total;
  if (t.base && side === 'base') width = t.base;
  if (t.base && side === 'diff') width = t.total.map((v, i) => (v + t.base![i]) / 2);
  const x = new Float64Array(t.n);
  const used = new Float64Array(t.n);
  for (let i = 1; i < t.n; i++) {
    const p = t.parent[i];
    x[i] = x[p] + used[p];
    used[p] += Math.max(0, width[i]);
  }
  return { width, x };
}

/* Rows that are needed: the deepest frame that is wide enough. */
export function place(t: Tree, w: { width: Float64Array; x: Float64Array }, root: number, px: number): Layout {
  const scale = w.width[root] > 0 ? px / w.width[root] : 0;
  let deepest = t.depth[root];
  for (let i = root; i < t.end[root]; ) {
    if (w.width[i] * scale < NARROW) {
      i = t.end[i];
      continue;
    }
    if (t.depth[i] > deepest) deepest = t.depth[i];
    i++;
  }
  return { tree: t, ...w, root, px, rows: deepest + 1, scale };
}

/* Where a frame is; the callers of the root span everything. Row 0 is the root of the tree. */
export function box(l: Layout, i: number): { left: number; width: number; row: number } {
  const inside = i >= l.root && i < l.tree.end[l.root];
  if (!inside) return { left: 0, width: l.px, row: l.tree.depth[i] };
  return { left: (l.x[i] - l.x[l.root]) * l.scale, width: l.width[i] * l.scale, row: l.tree.depth[i] };
}

export function hit(l: Layout, left: number, row: number): number {
  const t = l.tree;
  if (row < 0) return -1;
  if (row <= t.depth[l.root]) {
    let i = l.root;
    while (t.depth[i] > row) i = t.parent[i];
    return i;
  }
  const at = l.x[l.root] + left / (l.scale || 1);
  for (let i = l.root; i < t.end[l.root]; ) {
    if (at < l.x[i] || at >= l.x[i] + l.width[i]) i = t.end[i];
    else if (t.depth[i] === row) return l.width[i] * l.scale < NARROW ? -1 : i;
    else i++;
  }
  return -1;
}

/* -1 gone, 0 as before, +1 twice or more: for colour. The glyph tells it without colour. */
export function delta(t: Tree, i: number): number {
  if (!t.base) return 0;
  const all = t.total[0] || 1;
  return Math.max(-1, Math.min(1, ((t.total[i] - t.base[i]) / all) * 5));
}

export function deltaGlyph(t: Tree, i: number): string {
  if (!t.base) return '';
  const d = (t.total[i] - t.base[i]) / (t.total[0] || 1);
  return d > 0.001 ? '▲ ' : d < -0.001 ? '▼ ' : '';
}

export interface Look {
  labels: Labels; palette: Palette; hits: Uint8Array | null; focus: number; hover: number; focused: boolean; flip: boolean; side: Side;
  rootName: string; top: number; height: number; ratio: number;
}

let letter = 0;
function measure(g: CanvasRenderingContext2D): number {
  g.font = FONT;
  if (!letter) letter = g.measureText('M'.repeat(50)).width / 50 || LETTER;
  return letter;
}

function caption(text: string, room: number): string {
  if (text.length <= room) return text;
  const short = brief(text);
  if (short.length <= room) return short;
  return room >= 4 ? `${short.slice(0, room - 1)}…` : '';
}

export function draw(g: CanvasRenderingContext2D, l: Layout, look: Look): number {
  const { tree: t } = l;
  const { palette: c, labels, hits } = look;
  const wide = measure(g);
  const rowTop = (row: number) => (look.flip ? (l.rows - 1 - row) * ROW : row * ROW) - look.top;
  let drawn = 0;
  g.setTransform(look.ratio, 0, 0, look.ratio, 0, 0);
  g.fillStyle = c.background;
  g.fillRect(0, 0, l.px, look.height);
  g.font = FONT;
  g.textBaseline = 'middle';
  const frame = (i: number, left: number, width: number, row: number, above: boolean) => {
    const y = rowTop(row);
    if (y < -ROW || y > look.height) return;
    const label = t.label[i];
    const kind = labels.kindAt(t, i);
    const found = hits && label >= 0 ? hits[label] : 0;
    const dim = hits && !found;
    const gap = width > 3 ? 1 : width > 1.2 ? 0.4 : 0;
    if (dim) g.fillStyle = c.dim;
    else if (t.base && look.side === 'diff') g.fillStyle = c.change(delta(t, i));
    else g.fillStyle = c.fill(kind, label);
    g.globalAlpha = above ? 0.55 : 1;
    g.fillRect(left, y, Math.max(width - gap, 0.4), ROW - 1);
    g.globalAlpha = 1;
    if (c.edge && width > 2) {
      g.strokeStyle = c.edge;
      g.strokeRect(left + 0.5, y + 0.5, width - 1, ROW - 2);
    }
    if (found && width > 1.5) {
      g.fillStyle = c.match;
      g.fillRect(left, y + ROW - 4, Math.max(width - gap, 0.4), 3);
    }
    const room = Math.floor((Math.min(width, l.px - left) - 8) / wide);
    if (room >= 3) {
      const name = i === 0 && label < 0 ? look.rootName : labels.name(label);
      const mark = t.base && look.side === 'diff' ? deltaGlyph(t, i) : KIND_GLYPHS[kind];
      g.fillStyle = dim ? c.dimText : c.text;
      g.fillText(caption(mark + name, room), left + 4, y + ROW / 2);
    }
    drawn++;
  };
  for (let i = t.parent[l.root]; i >= 0; i = t.parent[i]) frame(i, 0, l.px, t.depth[i], true);
  const deepest = look.flip ? Infinity : Math.ceil((look.top + look.height) / ROW);
  for (let i = l.root; i < t.end[l.root]; ) {
    const width = l.width[i] * l.scale;
    if (width < NARROW || t.depth[i] > deepest) {
      i = t.end[i];
      continue;
    }
    frame(i, (l.x[i] - l.x[l.root]) * l.scale, width, t.depth[i], false);
    i++;
  }
  ring(g, l, look.hover, rowTop, c.ring, 1);
  if (look.focused) ring(g, l, look.focus, rowTop, c.ring, 2.5);
  return drawn;
}

function ring(g: CanvasRenderingContext2D, l: Layout, i: number, rowTop: (row: number) => number, colour: string, thick: number): void {
  if (i < 0 || i >= l.tree.n) return;
  const b = box(l, i);
  g.strokeStyle = colour;
  g.lineWidth = thick;
  g.strokeRect(b.left + thick / 2, rowTop(b.row) + thick / 2, Math.max(2, b.width - thick), ROW - 1 - thick);
}
