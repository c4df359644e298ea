/* sections: the blocks of the report, as computed; here they are only drawn. */
import type { Cell, Column, Finding, Quantity, Run, Section, Table } from './report';
import { amount, signed } from './words';

/* Sentences mark names with backquotes, in the terminal too. */
export function Marked({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}

function cellText(cell: Cell, column: Column): string {
  if (Array.isArray(cell)) return `${cellText(cell[0], column)} ${cell[1]}`;
  if (typeof cell === 'string') return cell;
  return column.change ? signed(cell, column.unit) : amount(cell, column.unit);
}

const numeric = (c: Column) => c.unit !== 'none';

export function TableBlock({ table, heading }: { table: Table; heading: string }) {
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={heading || 'table'}>
      <table>
        <thead>
          <tr>{table.columns.map((c) => <th key={c.key} scope="col" class={numeric(c) ? 'number' : ''}>{c.heading || c.key}</th>)}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, r) => (
            <tr key={r}>
              {row.map((cell, i) => {
                const c = table.columns[i];
                const v = Array.isArray(cell) ? cell[0] : cell;
                const bar = c.unit === 'ratio' && !c.change && typeof v === 'number' && v >= 0 && v <= 1;
                return (
                  <td key={c.key} class={`${numeric(c) ? 'number' : 'text'}${bar ? ' share' : ''}`}>
                    {bar && <span class="bar" style={{ width: `${(v as number) * 100}%` }} />}
                    <span>{cellText(cell, c)}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {table.cut > 0 && <p class="more">{`${table.cut} more ${table.cut === 1 ? 'row is' : 'rows are'} not shown`}</p>}
    </div>
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
  return (
    <section class="card" id={`section-${s.id}`}>
      {s.heading && <h2>{s.heading}</h2>}
      {s.sentence && <p class="sentence"><Marked text={s.sentence} /></p>}
      {s.table && <TableBlock table={s.table} heading={s.heading} />}
      {s.findings?.map((f, i) => <FindingBlock key={i} f={f} />)}
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
