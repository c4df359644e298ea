/* table: every function with what it and what it calls took, in any order. */
import { useMemo, useState } from 'preact/hooks';
import type { Unit } from './report';
import { shortPath, type Labels, type Sums } from './tree';
import { change, KIND_NAMES, percent, spent } from './words';

const PAGE = 100;
type Key = 'name' | 'self' | 'total' | 'module' | 'change';

export interface FunctionsProps {
  labels: Labels; sums: Sums; all: number; unit: Unit; unitName: string; hits: Uint8Array | null; compared: boolean;
  onChoose(label: number): void;
}

export function Functions(props: FunctionsProps) {
  const { labels, sums, all, hits, compared } = props;
  const [key, setKey] = useState<Key>(compared ? 'change' : 'self');
  const [down, setDown] = useState(true);
  const [shown, setShown] = useState(PAGE);
  const grown = (l: number) => (compared ? sums.self[l] - sums.baseSelf![l] : 0);
  const rows = useMemo(() => {
    const out: number[] = [];
    for (let l = 0; l < labels.p.functions.n; l++) {
      if ((sums.total[l] || sums.base?.[l] || sums.self[l]) && (!hits || hits[l])) out.push(l);
    }
    const text = (l: number) => (key === 'name' ? labels.name(l) : shortPath(labels.moduleName(l)));
    const number = (l: number) => (key === 'self' ? sums.self[l] : key === 'total' ? sums.total[l] : Math.abs(grown(l)));
    out.sort((a, b) => (key === 'name' || key === 'module' ? text(b).localeCompare(text(a)) : number(a) - number(b)) || a - b);
    return down ? out.reverse() : out;
  }, [labels, sums, hits, key, down]);

  const head = (k: Key, heading: string, numeric: boolean) => (
    <th scope="col" class={numeric ? 'number' : ''} aria-sort={key === k ? (down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => { setDown(key === k ? !down : numeric); setKey(k); setShown(PAGE); }}>
        {heading}
        <span aria-hidden="true">{key === k ? (down ? ' ▾' : ' ▴') : ''}</span>
      </button>
    </th>
  );
  const share = (v: number) => (
    <td class="number share" title={spent(v, props.unit, props.unitName)}>
      <span class="bar" style={{ width: `${Math.max(0, Math.min(100, (v / (all || 1)) * 100))}%` }} />
      <span>{percent(v / (all || 1))}</span>
    </td>
  );
  return (
    <div class="wide">
      <table class="functions">
        <caption class="hidden">Functions by what they took; a function opens its callers and callees</caption>
        <thead>
          <tr>
            {head('name', 'Function', false)}
            {compared && head('change', 'Change of self', true)}
            {head('self', 'Self', true)}
            {head('total', 'Total', true)}
            {head('module', 'Module', false)}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((l) => (
            <tr key={l} class={`kind${labels.kind(l)}`}>
              <th scope="row">
                <button type="button" class="name" onClick={() => props.onChoose(l)}>{labels.name(l)}</button>
                {labels.kind(l) > 0 && <span class="chip">{KIND_NAMES[labels.kind(l)]}</span>}
              </th>
              {compared && (
                <td class="number">
                  {grown(l) > 0 ? '▲ ' : grown(l) < 0 ? '▼ ' : ''}
                  {change(grown(l) / (all || 1), 'ratio')}
                </td>
              )}
              {share(sums.self[l])}
              {share(sums.total[l])}
              <td class="module" title={labels.moduleName(l)}>{shortPath(labels.moduleName(l))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!rows.length && <p class="empty">No function matches the search.</p>}
      {rows.length > shown && (
        <p class="more">
          <button type="button" onClick={() => setShown(shown + 10 * PAGE)}>Show more</button> {shown} of {rows.length} functions
        </p>
      )}
    </div>
  );
}
