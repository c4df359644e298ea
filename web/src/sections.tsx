/* sections: the blocks of the report, as computed; here they are only drawn. */
import { useState } from 'preact/hooks';
import type { Cell, Column, Finding, Quantity, Run, Section, Table } from './report';
import { amount, change } from './words';

/* Sentences mark names with backquotes, in the terminal too. */
export function Marked({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}

function cellText(cell: Cell, column: Column): string {
  if (Array.isArray(cell)) return `${cellText(cell[0], column)} ${cell[1]}`;
  if (typeof cell === 'string') return cell;
  if (column.key === 'line') return cell ? String(cell) : ''; /* a name, not an amount */
  return column.change ? change(cell, column.unit) : amount(cell, column.unit);
}

const numeric = (c: Column) => c.unit !== 'none';
const FEW = 10; /* rows of a table until somebody asks for all */

/* A column in which nothing is known only takes room. */
function usedColumns(t: Table): number[] {
  return t.columns.map((_, i) => i).filter((i) => t.rows.some((r) => r[i] !== '' && r[i] !== null && r[i] !== 0));
}

export function TableBlock({ table, heading }: { table: Table; heading: string }) {
  const [all, setAll] = useState(false);
  const used = usedColumns(table);
  const rows = all ? table.rows : table.rows.slice(0, FEW);
  return (
    <>
      <div class="wide" tabIndex={0} role="region" aria-label={heading || 'table'}>
        <table>
          <thead>
            <tr>{used.map((i) => table.columns[i]).map((c) => <th key={c.key} scope="col" class={numeric(c) ? 'number' : ''}>{c.heading || c.key}</th>)}</tr>
          </thead>
          <tbody>
            {rows.map((row, r) => (
              <tr key={r}>
                {used.map((i) => {
                  const cell = row[i];
                  const c = table.columns[i];
                  const v = Array.isArray(cell) ? cell[0] : cell;
                  const bar = c.unit === 'ratio' && !c.change && typeof v === 'number' && v >= 0 && v <= 1;
                  return (
                    <td key={c.key} title={numeric(c) ? undefined : String(cell)} class={`${numeric(c) ? 'number' : 'text'}${bar ? ' share' : ''}${c.wide ? ' widest' : ''}`}>
                      {bar && <span class="bar" style={{ width: `${(v as number) * 100}%` }} />}
                      <span>{cellText(cell, c)}</span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(table.rows.length > FEW || table.cut > 0) && (
        <p class="more">
          {table.rows.length > FEW && <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>{all ? `Show the first ${FEW}` : `Show all ${table.rows.length}`}</button>}
          {table.cut > 0 && ` ${table.cut} more ${table.cut === 1 ? 'row is' : 'rows are'} not in this report`}
        </p>
      )}
    </>
  );
}

const known = (q: Quantity) => q.v !== null;

export function FindingBlock({ f }: { f: Finding }) {
  return (
    <article class={`finding ${f.severity}`}>
      <h3>{f.symptom}</h3>
      <p class="meta">{`${f.severity}, ${f.trust}, ${f.rule}`}</p>
      <p>{f.cause}</p>
      <ul>
        {f.evidence.map((e) => (
          <li key={e.claim}>
            {e.claim}
            {known(e.seen) && `: ${amount(e.seen.v, e.seen.unit)}`}
            {known(e.expected) && ` (expected ${amount(e.expected.v, e.expected.unit)})`}
          </li>
        ))}
      </ul>
      {f.fixes.map((x) => (
        <div key={x.action}>
          <p>{x.action}</p>
          {x.snippet && <pre tabIndex={0}>{x.snippet}</pre>}
        </div>
      ))}
    </article>
  );
}

export function SectionBlock({ s }: { s: Section }) {
  const table = s.table && s.table.rows.length > 0 ? s.table : undefined;
  return (
    <section class={`card${table && usedColumns(table).length > 5 ? ' span' : ''}`} id={`section-${s.id}`}>
      {s.heading && <h2>{s.heading}</h2>}
      {s.sentence && <p class="sentence"><Marked text={s.sentence} /></p>}
      {table && <TableBlock table={table} heading={s.heading} />}
      {s.findings?.map((f, i) => <FindingBlock key={i} f={f} />)}
    </section>
  );
}

/* Sentences with a heading each: what it cost, what was lost. */
export function Remarks({ list }: { list: Section[] }) {
  if (!list.length) return null;
  return (
    <section class="card" id="remarks">
      <h2>About the measurement</h2>
      <dl class="remarks">
        {list.map((s) => (
          <div key={s.id} id={`section-${s.id}`}>
            <dt>{s.heading}</dt>
            <dd><Marked text={s.sentence} /></dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Limits({ run }: { run: Run }) {
  if (!run.limits.length) return null;
  return (
    <section class="card" id="limits">
      <h2>What this recording could not see</h2>
      <ul class="limits">
        {run.limits.map((l) => (
          <li key={l.what}>
            <b>{l.what}</b>
            {l.why && <span>{`: ${l.why}`}</span>}
            {l.remedy && <pre tabIndex={0} aria-label="remedy">{l.remedy}</pre>}
          </li>
        ))}
      </ul>
    </section>
  );
}
