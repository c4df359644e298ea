/* tree: what a flame graph draws, and every view of a profile as one. No recursion: stacks are deep. */
import type { Profile, Rows } from './report';

/* Preorder: a subtree is [i, end[i]). Sums of the profile compared with are scaled to the same whole. */
export interface Tree {
  n: number;
  label: Int32Array; /* see Labels */
  line: Int32Array; /* row of lineNumber, -1: not known */
  depth: Int32Array; parent: Int32Array; end: Int32Array;
  self: Float64Array; total: Float64Array;
  base?: Float64Array; baseSelf?: Float64Array;
  cut: number; /* weight of what was too small to be followed */
}

/* Labels are numbers: functions, then threads, then modules; -1 is the root. */
export class Labels {
  private moduleOf: Int32Array;
  readonly modules: string[];
  constructor(readonly p: Profile) {
    const seen = new Map<string, number>();
    this.moduleOf = Int32Array.from(p.functions.module, (m) => {
      if (!seen.has(m)) seen.set(m, seen.size);
      return seen.get(m)!;
    });
    this.modules = [...seen.keys()];
  }
  get n(): number {
    return this.p.functions.n + this.p.threads.n + this.modules.length;
  }
  isFunction(label: number): boolean {
    return label >= 0 && label < this.p.functions.n;
  }
  thread(t: number): number {
    return this.p.functions.n + t;
  }
  module(label: number): number {
    return this.isFunction(label) ? this.p.functions.n + this.p.threads.n + this.moduleOf[label] : label;
  }
  kind(label: number): number {
    return this.isFunction(label) ? this.p.functions.kind[label] : 5;
  }
  /* Of a frame: one function may be inlined here and called there. */
  kindAt(t: Tree, i: number): number {
    return t.line[i] >= 0 && this.isFunction(t.label[i]) ? this.p.functions.lineKind[t.line[i]] : this.kind(t.label[i]);
  }
  name(label: number): string {
    const { functions: f, threads: t } = this.p;
    if (label < 0) return 'all';
    if (label < f.n) return f.name[label];
    if (label < f.n + t.n) return threadName(this.p, label - f.n);
    return shortPath(this.modules[label - f.n - t.n]) || '[no module]';
  }
  moduleName(label: number): string {
    return this.isFunction(label) ? this.p.functions.module[label] : '';
  }
}

export function threadName(p: Profile, t: number): string {
  const { name, process, tid, pid } = p.threads;
  const id = tid[t] || pid[t];
  const words = name[t] && process[t] && name[t] !== process[t] ? `${process[t]}: ${name[t]}` : name[t] || process[t] || 'all threads';
  return id ? `${words} (${id})` : words;
}

export function shortPath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function links(depth: Int32Array): { parent: Int32Array; end: Int32Array } {
  const n = depth.length;
  const parent = new Int32Array(n);
  const end = new Int32Array(n);
  const open: number[] = [];
  parent[0] = -1;
  for (let i = 0; i < n; i++) {
    if (i) parent[i] = open[depth[i] - 1];
    open[depth[i]] = i;
    end[i] = i + 1;
  }
  for (let i = n - 1; i > 0; i--) if (end[parent[i]] < end[i]) end[parent[i]] = end[i];
  return { parent, end };
}

function totals(self: Float64Array, parent: Int32Array): Float64Array {
  const total = self.slice();
  for (let i = total.length - 1; i > 0; i--) total[parent[i]] += total[i];
  return total;
}

/* The shape of the whole profile, once; sums come and go. */
export class Shape {
  readonly parent: Int32Array;
  readonly end: Int32Array;
  readonly line: Int32Array;
  readonly labels: Labels;
  constructor(readonly p: Profile) {
    const { parent, end } = links(p.depth);
    this.parent = parent;
    this.end = end;
    this.labels = new Labels(p);
    this.line = p.line;
  }
}

/* Rows of a kind, scaled to its unit; of a range of slices when there is one: then each slice is scaled to its exact
 * total, for the rows kept may be only some of it. */
export interface Weights { n: number; thread: Int32Array; node: Int32Array; value: Float64Array; partial: boolean }

export function weigh(p: Profile, kind: number, range: [number, number] | null, only: Set<number> | null): Weights {
  const { column, scale } = p.kinds[kind];
  const rows: Rows = range && p.slice ? p.slice.rows : p.spent;
  const value = new Float64Array(rows.n);
  if (range && p.slice) {
    const exact = p.slice.total[column];
    const kept = new Float64Array(exact.length);
    rows.value[column].forEach((v, i) => (kept[p.slice!.of[i]] += v));
    for (let i = 0; i < rows.n; i++) {
      const s = p.slice.of[i];
      if (s >= range[0] && s < range[1] && kept[s]) value[i] = (rows.value[column][i] * scale * exact[s]) / kept[s];
    }
  } else {
    for (let i = 0; i < rows.n; i++) value[i] = rows.value[column][i] * scale;
  }
  if (only) for (let i = 0; i < rows.n; i++) if (!only.has(rows.thread[i])) value[i] = 0;
  return { n: rows.n, thread: rows.thread, node: rows.node, value, partial: !!range && (p.time?.stride ?? 1) > 1 };
}

/* How much one of the base's is worth here, so that both sides weigh the same in all. */
function baseFactor(p: Profile, w: Weights): number {
  let here = 0;
  let there = 0;
  for (let i = 0; i < w.n; i++) {
    if (p.threads.base[w.thread[i]]) there += w.value[i];
    else here += w.value[i];
  }
  return there ? here / there : 0;
}

export function merged(shape: Shape, w: Weights): Tree {
  const { p, parent, end, line } = shape;
  const self = new Float64Array(p.nodes);
  const baseSelf = p.compared ? new Float64Array(p.nodes) : undefined;
  const factor = baseSelf ? baseFactor(p, w) : 0;
  for (let i = 0; i < w.n; i++) {
    if (baseSelf && p.threads.base[w.thread[i]]) baseSelf[w.node[i]] += w.value[i] * factor;
    else self[w.node[i]] += w.value[i];
  }
  return {
    n: p.nodes, label: p.func, line, depth: p.depth, parent, end, self, total: totals(self, parent),
    baseSelf, base: baseSelf && totals(baseSelf, parent), cut: 0,
  };
}

/* A tree while it grows: a parent's index is below its children's. */
class Growing {
  n = 1;
  parent = new Int32Array(1024);
  label = new Int32Array(1024);
  line = new Int32Array(1024);
  self = new Float64Array(1024);
  base = new Float64Array(1024);
  private known = new Map<number, number>();
  constructor(root: number, private nLabels: number) {
    this.parent[0] = this.line[0] = -1;
    this.label[0] = root;
  }
  child(parent: number, label: number, line: number): number {
    const key = parent * this.nLabels + label;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    this.known.set(key, this.n);
    return this.add(parent, label, line);
  }
  add(parent: number, label: number, line: number): number {
    if (this.n === this.parent.length) this.grow();
    this.parent[this.n] = parent;
    this.label[this.n] = label;
    this.line[this.n] = line;
    return this.n++;
  }
  private grow(): void {
    const ints = (v: Int32Array) => { const w = new Int32Array(v.length * 2); w.set(v); return w; };
    const floats = (v: Float64Array) => { const w = new Float64Array(v.length * 2); w.set(v); return w; };
    this.parent = ints(this.parent);
    this.label = ints(this.label);
    this.line = ints(this.line);
    this.self = floats(this.self);
    this.base = floats(this.base);
  }
  finish(compared: boolean): Tree {
    const n = this.n;
    const parent = this.parent.subarray(0, n);
    const total = totals(this.self.subarray(0, n), parent);
    const baseTotal = totals(this.base.subarray(0, n), parent);
    const first = new Int32Array(n + 1);
    const kids = new Int32Array(n);
    for (let i = 1; i < n; i++) first[parent[i] + 1]++;
    for (let i = 0; i < n; i++) first[i + 1] += first[i];
    const at = first.slice();
    for (let i = 1; i < n; i++) kids[at[parent[i]]++] = i;
    const rank = (i: number) => total[i] + baseTotal[i];
    const t = emptyTree(n, compared);
    const open = [0];
    const depth = new Int32Array(n);
    for (let at = 0; open.length; at++) {
      const i = open.pop()!;
      const mine = kids.subarray(first[i], first[i + 1]);
      if (mine.length > 1) mine.sort((a, b) => rank(a) - rank(b) || b - a);
      depth[i] = i ? depth[parent[i]] + 1 : 0;
      t.label[at] = this.label[i];
      t.line[at] = this.line[i];
      t.depth[at] = depth[i];
      t.self[at] = this.self[i];
      t.total[at] = total[i];
      if (t.base && t.baseSelf) {
        t.base[at] = baseTotal[i];
        t.baseSelf[at] = this.base[i];
      }
      for (const kid of mine) open.push(kid);
    }
    return Object.assign(t, links(t.depth));
  }
}

function emptyTree(n: number, compared: boolean): Tree {
  return {
    n, label: new Int32Array(n), line: new Int32Array(n), depth: new Int32Array(n), parent: new Int32Array(n),
    end: new Int32Array(n), self: new Float64Array(n), total: new Float64Array(n),
    base: compared ? new Float64Array(n) : undefined, baseSelf: compared ? new Float64Array(n) : undefined, cut: 0,
  };
}

/* Rows that weigh anything, by thread; a counting sort. */
function sortedByThread(p: Profile, w: Weights): Int32Array {
  const at = new Int32Array(p.threads.n + 1);
  for (let i = 0; i < w.n; i++) if (w.value[i]) at[w.thread[i] + 1]++;
  for (let t = 0; t < p.threads.n; t++) at[t + 1] += at[t];
  const order = new Int32Array(at[p.threads.n]);
  for (let i = 0; i < w.n; i++) if (w.value[i]) order[at[w.thread[i]]++] = i;
  return order;
}

/* Threads first, their stacks below. */
export function byThread(shape: Shape, w: Weights): Tree {
  const { p, parent, labels } = shape;
  const g = new Growing(-1, labels.n);
  const factor = p.compared ? baseFactor(p, w) : 0;
  const place = new Int32Array(p.nodes);
  const placed = new Int32Array(p.nodes).fill(-1); /* by which thread */
  const path: number[] = [];
  for (const row of sortedByThread(p, w)) {
    const t = w.thread[row];
    if (placed[0] !== t) {
      placed[0] = t;
      place[0] = g.child(0, labels.thread(t), -1);
    }
    let at = w.node[row];
    for (; placed[at] !== t; at = parent[at]) path.push(at);
    for (let under = place[at]; path.length; ) {
      at = path.pop()!;
      placed[at] = t;
      under = place[at] = g.add(under, p.func[at], shape.line[at]);
    }
    if (p.threads.base[t]) g.base[place[w.node[row]]] += w.value[row] * factor;
    else g.self[place[w.node[row]]] += w.value[row];
  }
  return g.finish(p.compared);
}

/* Callers and callees of the same module are one box. */
export function byModule(t: Tree, labels: Labels): Tree {
  const g = new Growing(-1, labels.n);
  const place = new Int32Array(t.n);
  for (let i = 0; i < t.n; i++) {
    if (i) {
      const module = labels.module(t.label[i]);
      const under = place[t.parent[i]];
      place[i] = g.label[under] === module ? under : g.child(under, module, -1);
    }
    g.self[place[i]] += t.self[i];
    if (t.baseSelf) g.base[place[i]] += t.baseSelf[i];
  }
  return g.finish(!!t.base);
}

/* Everything that LABEL calls, over all its outermost occurrences. */
export function callees(t: Tree, label: number, labels: Labels): Tree {
  const g = new Growing(label, labels.n);
  const place = new Int32Array(t.n);
  for (let i = 0; i < t.n; ) {
    if (t.label[i] !== label) {
      i++;
      continue;
    }
    const end = t.end[i];
    if (g.line[0] < 0) g.line[0] = t.line[i];
    for (let k = i; k < end; k++) {
      if (k > i) place[k] = g.child(place[t.parent[k]], t.label[k], t.line[k]);
      else place[k] = 0;
      g.self[place[k]] += t.self[k];
      if (t.baseSelf) g.base[place[k]] += t.baseSelf[k];
    }
    i = end;
  }
  return g.finish(!!t.base);
}

/* Walks from nodes towards the root, equal labels together; what is below 1/FINEST of the whole is not followed. */
const FINEST = 20000;

interface Climb { from: number; to: number; parent: number; label: number }

function climb(t: Tree, start: Int32Array, weight: Float64Array, base: Float64Array | undefined, root: number, stop: number, first: (i: number) => number): Tree {
  const n = start.length;
  const at = start.slice();
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const spare = new Int32Array(n);
  const g = new Growing(root, 0);
  const size = (i: number) => Math.abs(weight[i]) + (base ? base[i] : 0);
  let all = 0;
  for (let i = 0; i < n; i++) all += size(i);
  const least = all / FINEST;
  const open: Climb[] = [{ from: 0, to: n, parent: -1, label: root }];
  let cut = 0;
  while (open.length) {
    const c = open.pop()!;
    const here = c.parent < 0 ? 0 : g.add(c.parent, c.label, -1);
    const groups = new Map<number, { weight: number; count: number; at: number }>();
    const next = (i: number) => (c.parent < 0 ? first(i) : t.depth[at[i]] < stop ? -2 : t.label[at[i]]);
    for (let k = c.from; k < c.to; k++) {
      const i = order[k];
      if (c.parent >= 0) {
        if (g.line[here] < 0) g.line[here] = t.line[at[i]];
        if (c.label === t.label[at[i]]) at[i] = Math.max(0, t.parent[at[i]]);
      }
      const label = next(i);
      if (label === -2) {
        g.self[here] += weight[i];
        if (base) g.base[here] += base[i];
        continue;
      }
      const group = groups.get(label);
      if (group) {
        group.weight += size(i);
        group.count++;
      } else {
        groups.set(label, { weight: size(i), count: 1, at: 0 });
      }
    }
    let place = c.from;
    for (const [label, group] of groups) {
      if (group.weight < least) {
        cut += group.weight;
        group.at = -1;
        continue;
      }
      group.at = place;
      open.push({ from: place, to: place + group.count, parent: here, label });
      place += group.count;
    }
    for (let k = c.from; k < c.to; k++) {
      const i = order[k];
      const label = next(i);
      const group = label === -2 ? undefined : groups.get(label);
      if (group && group.at >= 0) spare[group.at++] = i;
      else if (group) {
        g.self[here] += weight[i];
        if (base) g.base[here] += base[i];
      }
    }
    order.set(spare.subarray(c.from, place), c.from);
  }
  return { ...g.finish(!!base), cut };
}

const gather = (v: Float64Array, at: Int32Array): Float64Array => {
  const out = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) out[i] = v[at[i]];
  return out;
};

/* Where time is spent, and below it who called: leaves first. With threads on top, each thread by itself. */
export function bottomUp(t: Tree, threadsOnTop: boolean): Tree {
  let n = 0;
  const nodes = new Int32Array(t.n);
  for (let i = 0; i < t.n; i++) if (t.self[i] || t.baseSelf?.[i]) nodes[n++] = i;
  const start = nodes.subarray(0, n);
  const stop = threadsOnTop ? 2 : 1;
  const top = (i: number) => {
    let a = nodes[i];
    while (t.depth[a] > 1) a = t.parent[a];
    return t.label[a];
  };
  return climb(t, start, gather(t.self, start), t.baseSelf && gather(t.baseSelf, start), -1, stop,
    threadsOnTop ? top : (i) => (nodes[i] ? t.label[nodes[i]] : -2));
}

/* Who called LABEL, and who called them; its outermost occurrences weigh their totals. */
export function callers(t: Tree, label: number): Tree {
  const start: number[] = [];
  for (let i = 0; i < t.n; ) {
    if (t.label[i] === label) {
      start.push(i);
      i = t.end[i];
    } else i++;
  }
  const nodes = Int32Array.from(start);
  const above = Int32Array.from(start, (i) => Math.max(0, t.parent[i]));
  const tree = climb(t, above, gather(t.total, nodes), t.base && gather(t.base, nodes), label, 1,
    (i) => (above[i] ? t.label[above[i]] : -2));
  if (nodes.length) tree.line[0] = t.line[nodes[0]];
  return tree;
}

export interface Sums { self: Float64Array; total: Float64Array; base?: Float64Array; baseSelf?: Float64Array }

/* Self and total by label; inside itself a function's total counts once. */
export function sumsByLabel(t: Tree, labels: Labels): Sums {
  const s: Sums = { self: new Float64Array(labels.n), total: new Float64Array(labels.n) };
  if (t.base) {
    s.base = new Float64Array(labels.n);
    s.baseSelf = new Float64Array(labels.n);
  }
  const until = new Int32Array(labels.n);
  for (let i = 1; i < t.n; i++) {
    const l = t.label[i];
    s.self[l] += t.self[i];
    if (s.baseSelf) s.baseSelf[l] += t.baseSelf![i];
    if (i < until[l]) continue;
    until[l] = t.end[i];
    s.total[l] += t.total[i];
    if (s.base) s.base[l] += t.base![i];
  }
  return s;
}

/* The weight of all frames that match; one inside another counts once. */
export function matched(t: Tree, hits: Uint8Array): { weight: number; base: number } {
  let weight = 0;
  let base = 0;
  for (let i = 1; i < t.n; ) {
    if (hits[t.label[i]]) {
      weight += t.total[i];
      base += t.base?.[i] ?? 0;
      i = t.end[i];
    } else i++;
  }
  return { weight, base };
}
