/* flame: one flame graph with its pointer, keyboard and screen-reader path. The canvas is for eyes; the same frames
 * around the focused one are items of a tree for everybody else, and lie where they are drawn. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { palette } from './colours';
import { box, draw, hit, place, ROW, widths, type Layout, type Side } from './draw';
import type { Labels, Tree } from './tree';

const NEAR = 40; /* siblings and children that are items of the tree */

export interface Described { label: number; lines: string[]; title: string }

export interface FlameProps {
  id: string; title: string; tree: Tree; labels: Labels; hits: Uint8Array | null; flip: boolean; side: Side; dark: boolean; rootName: string;
  maxHeight: number; resetCount: number;
  describe(t: Tree, i: number): string;
  onShow(t: Tree, i: number): void; /* hovered or focused; -1: nothing */
  onChoose(label: number): void; /* wants callers and callees */
  say(text: string): void;
}

function around(t: Tree, w: Float64Array, focus: number): number[] {
  const items: number[] = [];
  for (let a = t.parent[focus]; a >= 0; a = t.parent[a]) items.push(a);
  items.reverse();
  const parent = t.parent[focus];
  const kids = (of: number): number[] => {
    const out: number[] = [];
    for (let k = of + 1; k < t.end[of] && out.length < NEAR; k = t.end[k]) if (w[k] > 0) out.push(k);
    return out;
  };
  const siblings = parent < 0 ? [focus] : kids(parent);
  if (!siblings.includes(focus)) siblings.push(focus);
  for (const s of siblings) {
    items.push(s);
    if (s === focus) items.push(...kids(focus));
  }
  return items;
}

function sibling(t: Tree, w: Float64Array, i: number, step: number): number {
  const parent = t.parent[i];
  if (parent < 0) return i;
  let before = -1;
  for (let k = parent + 1; k < t.end[parent]; k = t.end[k]) {
    if (w[k] <= 0 && k !== i) continue;
    if (step < 0 && k === i) return before < 0 ? i : before;
    if (step > 0 && before === i) return k;
    before = k;
  }
  return i;
}

function widestChild(t: Tree, w: Float64Array, i: number): number {
  let best = i;
  for (let k = i + 1; k < t.end[i]; k = t.end[k]) if (w[k] > 0 && (best === i || w[k] > w[best])) best = k;
  return best;
}

export function Flame(props: FlameProps) {
  const { tree: t, flip, side, hits, dark, labels } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [px, setPx] = useState(0);
  const [top, setTop] = useState(0);
  const [root, setRoot] = useState(0);
  const [focus, setFocus] = useState(0);
  const [hover, setHover] = useState(-1);
  const [focused, setFocused] = useState(false);
  const [pointer, setPointer] = useState<{ x: number; y: number } | null>(null);
  const [, repaint] = useState(0);
  const shape = useRef(t.end);

  /* The same shape with other sums (a brushed range) keeps its place; another tree starts anew. */
  const fresh = shape.current !== t.end;
  if (fresh) shape.current = t.end;
  const at = fresh ? 0 : Math.min(root, t.n - 1);
  const on = fresh ? 0 : Math.min(focus, t.n - 1);
  useLayoutEffect(() => {
    setRoot(0);
    setFocus(0);
    setHover(-1);
  }, [t.end, props.resetCount]);

  const w = useMemo(() => widths(t, side), [t, side]);
  const l: Layout = useMemo(() => place(t, w, at, px), [t, w, at, px]);
  const height = Math.max(3 * ROW, Math.min(props.maxHeight, l.rows * ROW));
  const rowTop = (row: number) => (flip ? l.rows - 1 - row : row) * ROW;

  useLayoutEffect(() => {
    const e = scroller.current!;
    const measure = () => setPx(e.clientWidth);
    const watch = new ResizeObserver(measure);
    watch.observe(e);
    measure();
    const again = () => repaint((n) => n + 1);
    const media = [matchMedia('(forced-colors: active)'), matchMedia('(prefers-color-scheme: dark)')];
    media.forEach((m) => m.addEventListener('change', again));
    return () => {
      watch.disconnect();
      media.forEach((m) => m.removeEventListener('change', again));
    };
  }, []);

  const scrollTo = (row: number, lead: number) => {
    const e = scroller.current!;
    const y = rowTop(row);
    if (y - lead * ROW < e.scrollTop) e.scrollTop = Math.max(0, y - lead * ROW);
    else if (y + (1 + lead) * ROW > e.scrollTop + e.clientHeight) e.scrollTop = y + (1 + lead) * ROW - e.clientHeight;
  };
  useLayoutEffect(() => {
    const e = scroller.current!;
    if (flip) e.scrollTop = e.scrollHeight - e.clientHeight - Math.max(0, (t.depth[at] - 2) * ROW);
    else e.scrollTop = Math.max(0, (t.depth[at] - 2) * ROW);
    setTop(e.scrollTop);
  }, [at, flip, t.end, px]);

  useEffect(() => {
    const e = canvas.current!;
    const g = e.getContext('2d', { alpha: false })!;
    const ratio = window.devicePixelRatio || 1;
    if (!px) return;
    e.width = Math.round(px * ratio);
    e.height = Math.round(height * ratio);
    const drawn = draw(g, l, {
      labels, palette: palette(dark), hits, focus: on, hover, focused, flip, side, rootName: props.rootName, top, height, ratio,
    });
    e.dataset.frames = String(drawn);
  });

  const zoom = (i: number) => {
    const to = i === at && i > 0 ? t.parent[i] : i;
    setRoot(to);
    setFocus(to);
    setHover(-1);
    setPointer(null);
    props.say(to ? `Zoomed to ${props.describe(t, to)}` : 'Showing everything');
    props.onShow(t, to);
  };
  const go = (i: number) => {
    setFocus(i);
    props.onShow(t, i);
    if (i < at || i >= t.end[at]) setRoot(i);
    else scrollTo(t.depth[i], 1);
  };
  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const deeper = flip ? 'ArrowUp' : 'ArrowDown';
    const shallower = flip ? 'ArrowDown' : 'ArrowUp';
    if (e.key === deeper) go(widestChild(t, w.width, on));
    else if (e.key === shallower) go(Math.max(0, t.parent[on]));
    else if (e.key === 'ArrowLeft') go(sibling(t, w.width, on, -1));
    else if (e.key === 'ArrowRight') go(sibling(t, w.width, on, 1));
    else if (e.key === 'Enter' || e.key === ' ') zoom(on);
    else if (e.key === 'Escape' && at > 0) zoom(t.parent[at]);
    else if (e.key === 'Home') zoom(0);
    else if (e.key === 'c' && labels.isFunction(t.label[on])) props.onChoose(t.label[on]);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const find = (e: PointerEvent | MouseEvent): number => {
    const r = canvas.current!.getBoundingClientRect();
    const row = Math.floor((e.clientY - r.top + top) / ROW);
    return hit(l, e.clientX - r.left, flip ? l.rows - 1 - row : row);
  };
  const move = (e: PointerEvent) => {
    const i = find(e);
    setHover(i);
    setPointer(i < 0 ? null : { x: e.clientX, y: e.clientY });
    if (i >= 0) props.onShow(t, i);
  };
  const leave = () => {
    setHover(-1);
    setPointer(null);
  };
  const click = (e: MouseEvent) => {
    const i = find(e);
    if (i < 0) return;
    if (e.shiftKey && labels.isFunction(t.label[i])) props.onChoose(t.label[i]);
    else zoom(i);
  };
  const items = around(t, w.width, on);
  return (
    <div class="flame">
      <div class="scroll" ref={scroller} style={{ height: `${height}px` }} onScroll={(e) => setTop(e.currentTarget.scrollTop)}
        role="tree" tabIndex={0} aria-label={props.title} aria-describedby="keys-brief" aria-activedescendant={`${props.id}-${on}`}
        onKeyDown={key} onFocus={() => { setFocused(true); props.onShow(t, on); }} onBlur={() => setFocused(false)}
        onPointerMove={move} onPointerLeave={leave} onClick={click}>
        <div class="sheet" role="none" style={{ height: `${l.rows * ROW}px` }}>
          <canvas ref={canvas} aria-hidden="true" style={{ width: `${px}px`, height: `${height}px` }} />
          {items.map((i) => {
            const b = box(l, i);
            return (
              <div key={i} id={`${props.id}-${i}`} class="item" role="treeitem" aria-level={t.depth[i] + 1} aria-selected={i === on}
                aria-expanded={t.end[i] > i + 1 ? i === on || (i < on && t.end[i] > on) : undefined} data-label={t.label[i]}
                style={{ left: `${b.left}px`, top: `${rowTop(b.row)}px`, width: `${Math.max(1, b.width)}px`, height: `${ROW - 1}px` }}>
                {props.describe(t, i)}
              </div>
            );
          })}
        </div>
      </div>
      {hover >= 0 && pointer && <Tip text={props.describe(t, hover)} x={pointer.x} y={pointer.y} />}
    </div>
  );
}

/* Seen beside the pointer only; the line below the graph tells the same to everybody. */
function Tip({ text, x, y }: { text: string; x: number; y: number }) {
  const e = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ w: 0, h: 0 });
  useLayoutEffect(() => setSize({ w: e.current!.offsetWidth, h: e.current!.offsetHeight }), [text]);
  const left = Math.max(4, Math.min(x + 14, innerWidth - size.w - 8));
  const top = y + 18 + size.h > innerHeight ? y - size.h - 12 : y + 18;
  const [name, ...rest] = text.split('\n');
  return (
    <div class="tip" ref={e} aria-hidden="true" style={{ left: `${left}px`, top: `${Math.max(4, top)}px` }}>
      <b>{name}</b>
      {rest.map((line) => <span key={line}>{line}</span>)}
    </div>
  );
}
