/* main: unpacks the report and shows it: the verdict first, then the graph, then every other block. */
import { render } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { isDark } from './colours';
import { Explorer } from './explorer';
import { Help, HowToRead } from './help';
import { readReport, type Report, type Section } from './report';
import { Limits, Marked, Remarks, SectionBlock } from './sections';
import { count, seconds } from './words';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const THEME_WORDS: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

interface Parts { hero?: Section; head?: Section; notes: Section[]; blocks: Section[]; remarks: Section[] }

/* Which section goes where. Limits are told with their remedies, by the run itself. */
function parts(r: Report): Parts {
  const sentence = (s: Section) => s.block === 'sentence';
  const hero = r.sections.find((s) => s.id === 'verdict') ?? r.sections.find(sentence);
  const head = r.sections.find((s) => s.id === 'head' && s !== hero);
  const rest = r.sections.filter((s) => s !== hero && s !== head && (s.block !== 'flame' || s.sentence) && !(s.id === 'limit' && r.run.limits.length));
  return {
    hero, head,
    notes: rest.filter((s) => sentence(s) && !s.heading),
    blocks: rest.filter((s) => !sentence(s)),
    remarks: rest.filter((s) => sentence(s) && s.heading),
  };
}

function facts(r: Report, which: number, told: boolean): string[] {
  const p = r.profiles[which];
  const out: string[] = [];
  if (r.run.source && !told) out.push(r.run.source);
  if (p) {
    if (!told) out.push(`${count(p.samples)} samples`);
    if (!told && p.duration_ns) out.push(seconds(p.duration_ns));
    if (!p.compared && p.threads.n > 1) out.push(`${count(p.threads.n)} threads`);
    const { dropped, truncated, unresolved } = p.loss;
    out.push(dropped + truncated + unresolved ? `lost: ${count(dropped)} dropped, ${count(truncated)} cut short, ${count(unresolved)} without a name` : 'nothing lost');
  }
  if (r.run.start_ms) out.push(new Date(r.run.start_ms).toLocaleString());
  if (r.run.host) out.push(r.run.host);
  return out;
}

function Page({ r }: { r: Report }) {
  const [theme, setTheme] = useState<Theme>('auto');
  const [help, setHelp] = useState(false);
  const [keys, setKeys] = useState(true);
  const [which, setWhich] = useState(0);
  const [said, say] = useState('');
  const [, systemChanged] = useState(0);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  useEffect(() => {
    const m = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => systemChanged((n) => n + 1);
    m.addEventListener('change', changed);
    return () => m.removeEventListener('change', changed);
  }, []);
  const nextTheme = useCallback(() => setTheme((t) => {
    const next = THEMES[(THEMES.indexOf(t) + 1) % 3];
    say(`Colours: ${THEME_WORDS[next]}`);
    return next;
  }), []);
  const { hero, head, notes, blocks, remarks } = parts(r);
  const p = r.profiles[which];
  return (
    <>
      <header>
        <svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><rect x="2" y="4" width="20" height="4" rx="1" /><rect x="2" y="10" width="13" height="4" rx="1" /><rect x="2" y="16" width="7" height="4" rx="1" /></svg>
        <div class="titles">
          <h1>{r.run.target || p?.name || 'perf-ops report'}</h1>
          {r.run.command && <code>{r.run.command}</code>}
        </div>
        <button type="button" id="theme" onClick={nextTheme}>{`colours: ${THEME_WORDS[theme]}`}</button>
        <button type="button" id="help" onClick={() => setHelp(true)}>Help <kbd>?</kbd></button>
      </header>
      <main>
        <div class="verdict" id={hero ? `section-${hero.id}` : undefined}>
          {hero && <p class="said"><Marked text={hero.sentence} /></p>}
          {head && <p class="head"><Marked text={head.sentence} /></p>}
          <ul>{facts(r, which, !!head).map((f) => <li key={f}>{f}</li>)}</ul>
          {notes.map((s) => <p key={s.id} class="note" id={`section-${s.id}`}><Marked text={s.sentence} /></p>)}
        </div>
        {r.profiles.length > 1 && (
          <div class="tabs" role="group" aria-label="Profile">
            {r.profiles.map((q, i) => <button key={i} type="button" aria-pressed={i === which} onClick={() => setWhich(i)}>{q.name || `profile ${i + 1}`}</button>)}
          </div>
        )}
        {p && p.kinds.length > 0 && <Explorer key={which} p={p} name={r.run.target || p.name || 'all'} dark={isDark(theme)} keys={keys} say={say} onTheme={nextTheme} onHelp={() => setHelp(true)} />}
        <details class="card howto">
          <summary>How to read this</summary>
          <HowToRead />
        </details>
        <div class="sections">
          {blocks.map((s) => <SectionBlock key={s.id} s={s} />)}
          <Remarks list={remarks} />
        </div>
        <Limits run={r.run} />
        {r.baseline && <Limits run={r.baseline} />}
      </main>
      <footer>
        <p>{`perf-ops ${r.run.version}. This file is complete: it loads nothing and sends nothing.`}</p>
      </footer>
      <p class="hidden" role="status" aria-live="polite">{said}</p>
      {help && <Help keys={keys} onKeys={setKeys} onClose={() => setHelp(false)} />}
    </>
  );
}

async function main(): Promise<void> {
  const block = document.getElementById('report')!;
  const app = document.getElementById('app')!;
  const begun = performance.now();
  try {
    const r = await readReport(block.textContent!.trim());
    block.remove();
    document.title = `${r.run.target || r.profiles[0]?.name || 'profile'} – perf-ops`;
    app.textContent = '';
    render(<Page r={r} />, app);
    requestAnimationFrame(() => setTimeout(() => {
      performance.mark('ready');
      document.documentElement.dataset.ready = (performance.now() - begun).toFixed(0);
    }));
  } catch (e) {
    document.getElementById('boot')!.textContent = typeof DecompressionStream === 'undefined'
      ? 'This browser is too old to unpack the report: it has no DecompressionStream. Firefox 113, Chrome 80 and Safari 16.4 have.'
      : `The report in this file cannot be read: ${(e as Error).message}. It may have been cut short when it was copied.`;
    document.documentElement.dataset.ready = 'failed';
  }
}

void main();
