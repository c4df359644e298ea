/* report: the block of data in the page, unpacked. The layout is described in docs/modules/present.md. */

export type Unit = 'none' | 'count' | 'ns' | 'bytes' | 'cycles' | 'ratio' | 'per_s';

export interface Column { key: string; heading: string; unit: Unit; wide: boolean; change: boolean }
export type Cell = string | number | null | [number | null, string];
export interface Table { columns: Column[]; rows: Cell[][]; cut: number }
export interface Quantity { v: number | null; unit: Unit }
export interface Finding {
  rule: string; severity: string; trust: string; share: number | null; symptom: string; cause: string;
  evidence: { claim: string; seen: Quantity; expected: Quantity }[];
  fixes: { action: string; snippet: string; risk: string }[];
}
export interface Section {
  id: string; block: string; heading: string; sentence: string; table?: Table; findings?: Finding[];
}
export interface Run {
  command: string; host: string; version: string; source: string; target: string;
  start_ms: number | null; wall_ns: number | null;
  limits: { what: string; why: string; remedy: string }[];
}
export interface Kind { name: string; unit: Unit; scale: number; column: number }

interface ProfileHeader {
  name: string; compared: boolean; base_name?: string; main_kind: number; nodes: number; samples: number;
  period_ns: number; duration_ns: number; loss: { dropped: number; truncated: number; unresolved: number };
  kinds: Kind[]; time?: { slices: number; slice_ns: number; stride: number };
  columns: [string, number, number][];
}
interface Header {
  layout: number; run: Run; baseline?: Run; sections: Section[]; profiles: ProfileHeader[]; texts: string[];
}

/* What was spent: one row a thread and node, or a slice of time, thread and node. Values by column, unscaled. */
export interface Rows { n: number; thread: Int32Array; node: Int32Array; value: Record<number, Float64Array> }

export interface Functions {
  n: number; name: string[]; file: string[]; module: string[]; kind: Uint8Array;
  firstLine: Int32Array; lineNumber: Int32Array; lineKind: Uint8Array; lineSelf: Float64Array;
}

export interface Threads {
  n: number; name: string[]; process: string[]; pid: Float64Array; tid: Float64Array; base: Uint8Array;
}

export interface Profile extends Omit<ProfileHeader, 'columns'> {
  functions: Functions;
  threads: Threads;
  depth: Int32Array; func: Int32Array; line: Int32Array; /* by node; line is a row of lineNumber, -1: none */
  spent: Rows;
  slice?: { total: Record<number, Float64Array>; of: Int32Array; rows: Rows };
}

export interface Report extends Omit<Header, 'profiles' | 'texts'> { profiles: Profile[] }

/* Multiplication, not <<: weights pass 2^31. */
class Columns {
  private at: Map<string, { count: number; from: number }>;
  constructor(private bytes: Uint8Array, list: [string, number, number][], from: number) {
    this.at = new Map();
    for (const [name, count, length] of list) {
      this.at.set(name, { count, from });
      from += length;
    }
    this.end = from;
  }
  end: number;

  has(name: string): boolean {
    return this.at.has(name);
  }
  count(name: string): number {
    return this.at.get(name)?.count ?? 0;
  }
  into<T extends Int32Array | Float64Array | Uint8Array>(name: string, values: T, first = 0): T {
    const column = this.at.get(name);
    const bytes = this.bytes;
    if (!column) return values;
    let at = column.from;
    for (let i = 0; i < column.count; i++) {
      let byte = bytes[at++];
      let v = byte & 127;
      for (let scale = 128; byte > 127; scale *= 128) {
        byte = bytes[at++];
        v += (byte & 127) * scale;
      }
      values[first + i] = v;
    }
    return values;
  }
  ints(name: string): Int32Array {
    return this.into(name, new Int32Array(this.count(name)));
  }
  numbers(name: string): Float64Array {
    return this.into(name, new Float64Array(this.count(name)));
  }
  signed(name: string): Float64Array {
    const v = this.numbers(name);
    for (let i = 0; i < v.length; i++) v[i] = v[i] % 2 ? -(v[i] + 1) / 2 : v[i] / 2;
    return v;
  }
}

function sums(values: Int32Array): Int32Array {
  const out = new Int32Array(values.length + 1);
  for (let i = 0; i < values.length; i++) out[i + 1] = out[i] + values[i];
  return out;
}

function valueColumns(c: Columns, kinds: Kind[], prefix: string): Record<number, Float64Array> {
  const out: Record<number, Float64Array> = {};
  for (const k of kinds) if (!out[k.column]) out[k.column] = c.signed(prefix + k.column);
  return out;
}

function readSpent(c: Columns, h: ProfileHeader): Rows {
  const node = c.ints('spent_node');
  const thread = new Int32Array(node.length);
  const rows = c.ints('thread_spent');
  let at = 0;
  for (let t = 0; t < rows.length; t++) {
    for (let last = 0, end = at + rows[t]; at < end; at++) {
      thread[at] = t;
      last = node[at] += last;
    }
  }
  return { n: node.length, thread, node, value: valueColumns(c, h.kinds, 'spent') };
}

function readSlices(c: Columns, h: ProfileHeader): Profile['slice'] {
  if (!h.time) return undefined;
  const of = c.ints('sample_slice');
  const step = c.signed('sample_node');
  const node = new Int32Array(step.length);
  for (let i = 0; i < of.length; i++) {
    if (i) of[i] += of[i - 1];
    node[i] = step[i] + (i ? node[i - 1] : 0);
  }
  return {
    total: valueColumns(c, h.kinds, 'slice'),
    of,
    rows: { n: of.length, thread: c.ints('sample_thread'), node, value: valueColumns(c, h.kinds, 'sample') },
  };
}

/* A node is told as its place among the calls of its caller that were seen so far; 0 is a new call. */
function readCalls(c: Columns, depth: Int32Array, functions: number): Int32Array {
  const func = c.into('node_call', new Int32Array(depth.length), 1);
  const fresh = c.ints('call_function');
  const known: number[][] = Array.from({ length: functions + 1 }, () => []);
  const open: number[] = [functions];
  let next = 0;
  for (let i = 1; i < func.length; i++) {
    const calls = known[open[depth[i] - 1]];
    if (!func[i]) calls.push(fresh[next++]);
    func[i] = calls[(func[i] || calls.length) - 1];
    open[depth[i]] = func[i];
  }
  return func;
}

function readProfile(c: Columns, h: ProfileHeader, texts: string[]): Profile {
  const text = (name: string) => Array.from(c.ints(name), (i) => texts[i]);
  const depth = c.into('node_rise', new Int32Array(h.nodes), 1);
  const lines = c.ints('function_lines');
  for (let i = 1; i < h.nodes; i++) depth[i] = depth[i - 1] + 1 - depth[i];
  const func = readCalls(c, depth, lines.length);
  const firstLine = sums(lines);
  const line = c.into('node_line', new Int32Array(h.nodes), 1);
  for (let i = 1; i < h.nodes; i++) line[i] += firstLine[func[i]];
  func[0] = line[0] = -1;
  return {
    ...h,
    functions: {
      n: lines.length, name: text('function_name'), file: text('function_file'), module: text('function_module'),
      kind: c.into('function_kind', new Uint8Array(lines.length)), firstLine,
      lineNumber: c.ints('line_number'), lineKind: c.into('line_kind', new Uint8Array(c.count('line_kind'))), lineSelf: c.signed('line_self'),
    },
    threads: {
      n: c.count('thread_name'), name: text('thread_name'), process: text('thread_process'),
      pid: c.numbers('thread_pid'), tid: c.numbers('thread_tid'),
      base: c.into('thread_base', new Uint8Array(c.count('thread_base'))),
    },
    depth, func, line,
    spent: readSpent(c, h),
    slice: readSlices(c, h),
  };
}

async function gunzip(base64: string): Promise<Uint8Array> {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* What cannot be seen, or turns text around (CVE-2021-42574), is spelled out; the terminal does the same. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const spelled = (s: string): string => s.replace(UNSEEN, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);

export async function readReport(base64: string): Promise<Report> {
  const bytes = await gunzip(base64);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Header;
  const texts = header.texts.map(spelled);
  let from = 4 + length;
  if (header.layout !== 1) throw new Error(`this page cannot read layout ${header.layout}`);
  const profiles = header.profiles.map((h) => {
    const c = new Columns(bytes, h.columns, from);
    from = c.end;
    return readProfile(c, h, texts);
  });
  return { ...header, profiles };
}
