/* words: numbers as people read them; the rules of src/model/quantity.c, so that page and terminal agree. */
import type { Unit } from './report';

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (v: number): string => plain.format(Math.round(v)).replace('-', '−');

const TIMES: [number, string][] = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];
const SIZES: [number, string][] = [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB'], [1, 'B']];
const COUNTS: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1, '']];

const digits = (v: number): string => v.toFixed(v >= 99.95 || v === 0 ? 0 : v >= 9.995 ? 1 : 2);

/* 999.7 ms is 1.00 s: what would be rounded up to the next unit belongs there. */
function scaled(v: number, scales: [number, string][]): string {
  const [size, name] = scales.find(([s]) => v >= s * 0.9995) ?? scales[scales.length - 1];
  return `${digits(v / size)}${name && ' '}${name}`;
}

function magnitude(v: number, unit: Unit): string {
  switch (unit) {
    case 'ns':
      return v >= 120e9 ? `${Math.floor(v / 60e9)} min ${Math.floor((v % 60e9) / 1e9)} s` : v === 0 ? '0 s' : scaled(v, TIMES);
    case 'bytes':
      return scaled(v, SIZES);
    case 'ratio':
      return v > 0 && v < 0.0005 ? '<0.1 %' : `${(v * 100).toFixed(1)} %`;
    case 'per_s':
      return `${scaled(v, COUNTS)}/s`;
    case 'cycles':
      return `${scaled(v, COUNTS)} cycles`;
    default:
      return count(v);
  }
}

export function amount(v: number | null, unit: Unit): string {
  if (v === null || !Number.isFinite(v)) return '?';
  return `${v < 0 ? '−' : ''}${magnitude(Math.abs(v), unit)}`;
}

export const percent = (share: number): string => amount(share, 'ratio');

/* A difference: always with its sign; ratios in percentage points. */
export function change(v: number | null, unit: Unit): string {
  if (v === null || !Number.isFinite(v)) return '?';
  const none = unit === 'ratio' ? Math.abs(v) < 0.0005 : v === 0;
  const sign = none ? '±' : v > 0 ? '+' : '−';
  if (unit === 'ratio') return `${sign}${none ? '0.0' : (Math.abs(v) * 100).toFixed(1)} pp`;
  return `${sign}${magnitude(Math.abs(v), unit)}`;
}

/* With the noun where the unit has none: "1,234 samples". */
export function spent(v: number, unit: Unit, name: string): string {
  return unit === 'count' || unit === 'none' ? `${count(v)} ${name}` : amount(v, unit);
}

export function seconds(ns: number): string {
  return ns === 0 ? '0 s' : amount(ns, 'ns');
}

export const KIND_NAMES = ['native', 'kernel', 'inlined', 'script or JIT', 'marker', 'group'];
export const KIND_GLYPHS = ['', '◆ ', '↳ ', 'ƒ ', '… ', ''];

/* Without parameters and template arguments, for narrow boxes; keeps operator() and operator<. */
export function brief(name: string): string {
  if (name.length < 12 || name.includes('operator')) return name;
  let out = '';
  let deep = 0;
  for (const c of name) {
    if (c === '<' || c === '(') deep++;
    else if ((c === '>' || c === ')') && deep) deep--;
    else if (!deep) out += c;
  }
  return out.replace(/ const$/, '').trim() || name;
}
