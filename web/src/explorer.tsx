/* explorer: one profile, its views, and what they have in common: weight, time, search, the frame that is looked at. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Side } from './draw';
import { Flame } from './flame';
import type { Profile } from './report';
import { Functions } from './table';
import { Timeline } from './timeline';
import { bottomUp, byModule, byThread, callees, callers, matched, merged, Shape, shortPath, sumsByLabel, weigh, type Tree } from './tree';
import { change, count, KIND_NAMES, percent, seconds, spent } from './words';

type View = 'down' | 'up' | 'both' | 'table';
type Group = 'none' | 'thread' | 'module';
const VIEWS: [View, string][] = [['down', 'Flame graph'], ['up', 'Bottom-up'], ['both', 'Callers and callees'], ['table', 'Table']];
const GROUPS: [Group, string][] = [['none', 'nothing'], ['thread', 'thread'], ['module', 'module']];
const SIDES: [Side, string][] = [['diff', 'Difference'], ['base', 'Before'], ['new', 'After']];

export interface ExplorerProps {
  p: Profile; name: string; dark: boolean; keys: boolean; say(text: string): void; onTheme(): void; onHelp(): void;
}

function matcher(query: string, regex: boolean): ((s: string) => boolean) | string | null {
  if (!query) return null;
  if (!regex) {
    const q = query.toLowerCase();
    return (s) => s.toLowerCase().includes(q);
  }
  try {
    const r = new RegExp(query, 'i');
    return (s) => r.test(s);
  } catch (e) {
    return (e as Error).message;
  }
}

export function Explorer({ p, name, dark, keys, say, onTheme, onHelp }: ExplorerProps) {
  const shape = useMemo(() => new Shape(p), [p]);
  const { labels } = shape;
  const [view, setView] = useState<View>('down');
  const [group, setGroup] = useState<Group>('none');
  const [side, setSide] = useState<Side>('diff');
  const [flip, setFlip] = useState(false);
  const [kind, setKind] = useState(p.main_kind);
  const [thread, setThread] = useState(-1);
  const [range, setRange] = useState<[number, number] | null>(null);
  const [query, setQuery] = useState('');
  const [regex, setRegex] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const [looked, setLooked] = useState<{ t: Tree; i: number } | null>(null);
  const [resets, setResets] = useState(0);
  const search = useRef<HTMLInputElement>(null);
  const { unit, name: unitName } = p.kinds[kind];

  const only = useMemo(() => (thread < 0 ? null : new Set([thread])), [thread]);
  const w = useMemo(() => weigh(p, kind, range, only), [p, kind, range, only]);
  const whole = useMemo(() => merged(shape, w), [shape, w]);
  const all = whole.total[0] || whole.base?.[0] || 0;
  const down = useMemo(() => {
    if (group === 'thread') return byThread(shape, w);
    return group === 'module' ? byModule(whole, labels) : whole;
  }, [group, whole]);
  const tree = useMemo(() => (view === 'up' ? bottomUp(down, group === 'thread') : down), [view, down]);
  const sandwich = useMemo(() => (view === 'both' && chosen >= 0 ? { above: callers(whole, chosen), below: callees(whole, chosen, labels) } : null), [view, chosen, whole]);
  const sums = useMemo(() => sumsByLabel(whole, labels), [whole]);
  const find = useMemo(() => matcher(query, regex), [query, regex]);
  const hits = useMemo(() => {
    if (typeof find !== 'function') return null;
    const out = new Uint8Array(labels.n);
    for (let i = 0; i < labels.n; i++) out[i] = find(labels.name(i)) ? 1 : 0;
    return out;
  }, [find, labels]);
  const found = useMemo(() => {
    if (!hits) return null;
    const m = matched(group === 'none' ? whole : down, hits);
    let functions = 0;
    for (let i = 0; i < p.functions.n; i++) if (hits[i] && (sums.total[i] || sums.base?.[i])) functions++;
    return { ...m, functions };
  }, [hits, whole, down, sums]);
  const answer = typeof find === 'string' ? `not a regular expression: ${find}`
    : found ? `${percent(found.weight / (all || 1))} in ${found.functions} matching ${found.functions === 1 ? 'function' : 'functions'}${p.compared ? `, was ${percent(found.base / (all || 1))}` : ''}` : '';
  useEffect(() => {
    const later = setTimeout(() => { if (answer) say(answer); }, 400);
    return () => clearTimeout(later);
  }, [answer]);

  const describe = useCallback((t: Tree, i: number): string => {
    const label = t.label[i];
    const lines = [i === 0 && label < 0 ? name : labels.name(label)];
    if (labels.isFunction(label)) {
      const f = p.functions;
      const line = t.line[i] >= 0 ? f.lineNumber[t.line[i]] : 0;
      const where = f.file[label] ? `${f.file[label]}${line ? `:${line}` : ''}` : '';
      lines.push([KIND_NAMES[labels.kindAt(t, i)], f.module[label], where].filter(Boolean).join(' · '));
    }
    const whole = all || 1;
    lines.push(`total ${percent(t.total[i] / whole)}, ${spent(t.total[i], unit, unitName)} · self ${percent(t.self[i] / whole)}, ${spent(t.self[i], unit, unitName)}`);
    for (let k = 0; k < p.kinds.length; k++) {
      const other = p.kinds[k];
      const mine = p.kinds[kind];
      if (k !== kind && other.column === mine.column) lines.push(`total ${spent((t.total[i] / mine.scale) * other.scale, other.unit, other.name)} · self ${spent((t.self[i] / mine.scale) * other.scale, other.unit, other.name)}`);
    }
    if (t.base) {
      const d = (t.total[i] - t.base[i]) / whole;
      lines.push(`${d > 0 ? '▲ ' : d < 0 ? '▼ ' : ''}was ${percent(t.base[i] / whole)}, ${change(d, 'ratio')}`);
    }
    return lines.join('\n');
  }, [p, all, kind]);

  const choose = (label: number) => {
    setChosen(label);
    setView('both');
    setLooked(null);
    say(`Callers and callees of ${labels.name(label)}`);
  };
  const show = (v: View) => {
    setView(v);
    setLooked(null);
    say(VIEWS.find(([k]) => k === v)![1]);
    if (v === 'both' && chosen < 0) setChosen(widest(sums.self, p.functions.n));
  };
  const reset = () => {
    setResets(resets + 1);
    setRange(null);
    setQuery('');
    setThread(-1);
    say('Showing everything');
  };
  const regroup = (g: Group) => {
    setGroup(g);
    setLooked(null);
    say(`Grouped by ${GROUPS.find(([k]) => k === g)![1]}`);
  };

  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const on = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || !keys || on.closest('dialog')) return;
      if (on.matches('input:not([type=checkbox]), select, textarea')) return;
      if (e.key === '/') search.current!.focus();
      else if (e.key === 't') show(view === 'table' ? 'down' : 'table');
      else if (e.key === 'i') show(view === 'up' ? 'down' : 'up');
      else if (e.key === 'f') setFlip(!flip);
      else if (e.key === 'g') regroup(GROUPS[(GROUPS.findIndex(([k]) => k === group) + 1) % 3][0]);
      else if (e.key === '0') reset();
      else if (e.key === 'd') onTheme();
      else if (e.key === '?') onHelp();
      else return;
      e.preventDefault();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  });

  const flame = {
    labels, hits, side, dark, rootName: name, resetCount: resets, describe, say, onChoose: choose,
    onShow: (t: Tree, i: number) => setLooked(i < 0 ? null : { t, i }),
  };
  const tall = Math.max(260, Math.round(innerHeight * 0.62));
  return (
    <section class="card explorer" aria-labelledby="explorer-title">
      <h2 id="explorer-title" class="hidden">Profile</h2>
      <div class="bar1">
        <div class="tabs" role="group" aria-label="View">
          {VIEWS.map(([v, text]) => <button key={v} type="button" aria-pressed={view === v} data-view={v} onClick={() => show(v)}>{text}</button>)}
        </div>
        <div class="find" role="search">
          <input ref={search} type="search" placeholder="Search functions ( / )" aria-label="Search functions" value={query} spellcheck={false} autocomplete="off"
            onInput={(e) => setQuery(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === 'Escape') { setQuery(''); e.currentTarget.blur(); } }} />
          <button type="button" aria-pressed={regex} aria-label="regular expression" title="regular expression" onClick={() => setRegex(!regex)}>.*</button>
          <output id="found">{answer}</output>
        </div>
      </div>
      <div class="bar2">
        {view !== 'table' && view !== 'both' && (
          <label>group by <select value={group} data-choice="group" onChange={(e) => regroup(e.currentTarget.value as Group)}>
            {GROUPS.map(([g, text]) => <option key={g} value={g}>{text}</option>)}
          </select></label>
        )}
        {p.threads.n > 1 && !p.compared && (
          <label>thread <select value={thread} data-choice="thread" onChange={(e) => setThread(Number(e.currentTarget.value))}>
            <option value={-1}>all {p.threads.n}</option>
            {p.threads.n <= 500 && Array.from({ length: p.threads.n }, (_, t) => <option key={t} value={t}>{labels.name(labels.thread(t))}</option>)}
          </select></label>
        )}
        {p.kinds.length > 1 && (
          <label>weigh by <select value={kind} data-choice="kind" onChange={(e) => setKind(Number(e.currentTarget.value))}>
            {p.kinds.map((k, i) => <option key={i} value={i}>{k.name}</option>)}
          </select></label>
        )}
        {p.compared && view !== 'table' && (
          <div class="tabs small" role="group" aria-label="Side">
            {SIDES.map(([s, text]) => <button key={s} type="button" aria-pressed={side === s} data-side={s} onClick={() => setSide(s)}>{text}</button>)}
          </div>
        )}
        {view !== 'table' && view !== 'both' && <button type="button" data-do="flip" aria-pressed={flip} onClick={() => setFlip(!flip)}>root at the bottom</button>}
        <button type="button" data-do="reset" onClick={reset}>Reset</button>
        <span class="whole" id="whole">{`${spent(all, unit, unitName)}${range || thread >= 0 ? ' selected' : ' in all'}`}</span>
      </div>
      {!all && <p class="note" role="note">Nothing was sampled here: the program did not run while it was watched, or the selection is empty.</p>}
      {p.slice && !p.compared && <Timeline p={p} kind={kind} range={range} dark={dark} onRange={(r) => {
        setRange(r && r[0] === 0 && r[1] === p.time!.slices ? null : r);
        setLooked(null);
      }} />}
      {range && (
        <p class="note" role="note">
          {`Only ${seconds(range[0] * p.time!.slice_ns)} to ${seconds(range[1] * p.time!.slice_ns)} of the recording. `}
          {w.partial && `Drawn from 1 of every ${p.time!.stride} samples, scaled to the exact total of each slice of time. `}
          <button type="button" data-do="clear" onClick={() => { setRange(null); say('The whole recording'); }}>Show all of it</button>
        </p>
      )}
      {view === 'table' && <Functions labels={labels} sums={sums} all={all} unit={unit} unitName={unitName} hits={hits} compared={p.compared} onChoose={choose} />}
      {view === 'both' && sandwich && (
        <>
          <p class="chosen"><b>{labels.name(chosen)}</b> <span>{`total ${percent(sums.total[chosen] / (all || 1))}, self ${percent(sums.self[chosen] / (all || 1))}, outermost calls`}</span></p>
          <h3>Callers</h3>
          <Flame {...flame} id="callers" title={`Callers of ${labels.name(chosen)}`} tree={sandwich.above} flip={true} rootName={labels.name(chosen)} maxHeight={tall / 2} />
          <h3>Callees</h3>
          <Flame {...flame} id="callees" title={`Callees of ${labels.name(chosen)}`} tree={sandwich.below} flip={false} rootName={labels.name(chosen)} maxHeight={tall / 2} />
        </>
      )}
      {(view === 'down' || view === 'up') && (
        <Flame {...flame} id="flame" title={view === 'up' ? 'Bottom-up flame graph' : 'Flame graph'} tree={tree} flip={flip} maxHeight={tall} />
      )}
      <p id="keys-brief" class="hidden">Arrow keys move, Enter zooms, Escape goes out, c shows callers and callees, question mark is help.</p>
      {view !== 'table' && <Detail p={p} looked={looked} describe={describe} onChoose={choose} isFunction={(l) => labels.isFunction(l)} kind={kind} all={all} />}
      {view !== 'table' && <Legend p={p} diff={p.compared && side === 'diff'} cut={tree.cut} all={all} />}
    </section>
  );
}

function widest(v: Float64Array, n: number): number {
  let best = 0;
  for (let i = 1; i < n; i++) if (v[i] > v[best]) best = i;
  return best;
}

interface DetailProps {
  p: Profile; looked: { t: Tree; i: number } | null; kind: number; all: number; describe(t: Tree, i: number): string; onChoose(label: number): void;
  isFunction(label: number): boolean;
}

/* What is under the pointer or the focus, in a fixed place; with the lines of source that cost most. */
function Detail({ p, looked, describe, onChoose, isFunction, kind, all }: DetailProps) {
  if (!looked || looked.i >= looked.t.n) return <div class="detail"><p class="meta">Point at a frame, or move to one with the arrow keys. A click zooms; Shift and a click shows callers and callees.</p></div>;
  const { t, i } = looked;
  const label = t.label[i];
  const [name, ...rest] = describe(t, i).split('\n');
  const f = p.functions;
  const lines: string[] = [];
  if (isFunction(label) && p.kinds[kind].column === p.kinds[p.main_kind].column) {
    const scale = p.kinds[kind].scale;
    for (let k = f.firstLine[label]; k < f.firstLine[label + 1] && lines.length < 4; k++) {
      if (f.lineNumber[k] && f.lineSelf[k] > 0 && all) lines.push(`${shortPath(f.file[label])}:${f.lineNumber[k]} ${percent((f.lineSelf[k] * scale) / all)}`);
    }
  }
  return (
    <div class="detail" id="detail">
      <div class="row"><b>{name}</b>{isFunction(label) && <button type="button" data-do="choose" onClick={() => onChoose(label)}>Callers and callees</button>}</div>
      {rest.map((line) => <p key={line}>{line}</p>)}
      {lines.length > 0 && !p.compared && <p class="meta">{`hot lines, over the whole recording: ${lines.join(', ')}`}</p>}
    </div>
  );
}

function Legend({ p, diff, cut, all }: { p: Profile; diff: boolean; cut: number; all: number }) {
  const kinds = [0, 1, 2, 3, 4].filter((k) => p.functions.lineKind.includes(k));
  const marks = ['native code', '◆ kernel', '↳ inlined', 'ƒ script or JIT', '… marker'];
  return (
    <p class="legend">
      {diff ? <><span class="swatch more" /> ▲ takes more <span class="swatch less" /> ▼ takes less <span class="swatch same" /> as before; widths: mean of both</>
        : kinds.map((k) => <span key={k} class="entry"><span class={`swatch kind${k}`} />{marks[k]}</span>)}
      {cut > 0 && <span class="entry">{`callers below 0.005 % are not followed (${percent(cut / (all || 1))} in all)`}</span>}
      <span class="entry">{`${count(p.nodes)} frames, ${count(p.functions.n)} functions`}</span>
    </p>
  );
}

