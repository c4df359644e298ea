/* words: numbers as people read them; the same rules as the terminal's. */
import type { Unit } from './report';

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (v: number): string => plain.format(Math.round(v));

export function percent(share: number): string {
  if (!Number.isFinite(share)) return '?';
  const v = share * 100;
  if (v === 0) return '0 %';
  if (Math.abs(v) < 0.01) return v < 0 ? '> −0.01 %' : '< 0.01 %';
  return `${v.toFixed(Math.abs(v) < 1 ? 2 : 1).replace('-', '−')} %`;
}

const steps = (v: number, units: [number, string][]): string => {
  const [size, name] = units.find(([s]) => Math.abs(v) >= s) ?? units[units.length - 1];
  const x = v / size;
  return `${Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3)} ${name}`.replace('-', '−');
};

export function amount(v: number | null, unit: Unit): string {
  if (v === null || !Number.isFinite(v)) return '?';
  switch (unit) {
    case 'ns':
      if (v === 0) return '0 s';
      return steps(v, [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']]);
    case 'bytes':
      if (v === 0) return '0 B';
      return steps(v, [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'B']]);
    case 'ratio':
      return percent(v);
    case 'per_s':
      return `${count(v)}/s`;
    case 'cycles':
      return `${count(v)} cycles`;
    default:
      return Number.isInteger(v) ? count(v) : v.toPrecision(4);
  }
}

export function signed(v: number | null, unit: Unit): string {
  return v !== null && v > 0 ? `+${amount(v, unit)}` : amount(v, unit);
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
