// speed: what the budgets of a large report come to, over several opens; run by bench/html-page.
import { statSync } from 'node:fs';
import { heap, launch, open, spot, truth } from './browser.mjs';

const rounds = Number(process.env.ROUNDS ?? 7);
const median = (v) => v.slice().sort((a, b) => a - b)[v.length >> 1];
const browser = await launch();
const taken = { ready: [], zoom: [], search: [] };
let most = 0;
for (let i = 0; i < rounds; i++) {
  const page = await open(browser, 'large');
  taken.ready.push(page.ready);
  most = Math.max(most, await heap(page));
  const at = await spot(page, 6);
  // From the event to the end of the frame that shows it, inside the page: the protocol's own delay is not counted.
  const timed = (action) => page.evaluate(([what, x, y]) => new Promise((done) => {
    const began = performance.now();
    if (what === 'zoom') document.elementFromPoint(x, y).dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: x, clientY: y }));
    else {
      const e = document.querySelector('input[type=search]');
      e.value = 'method_77';
      e.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  }), [action, at.x, at.y]);
  taken.zoom.push(await timed('zoom'));
  taken.search.push(await timed('search'));
  await page.context().close();
}
await browser.close();
const bytes = statSync('large.html').size;
const rows = [
  ['written by C', truth.large.written_us / 1000, 'ms', Infinity],
  ['file', bytes / 1e6, 'MB', 2],
  ['ready, median', median(taken.ready), 'ms', 1500],
  ['ready, slowest', Math.max(...taken.ready), 'ms', Infinity],
  ['zoom, median', median(taken.zoom), 'ms', Infinity],
  ['search, median', median(taken.search), 'ms', Infinity],
  ['heap, most', most / 1e6, 'MB', 100],
];
let missed = 0;
console.log(`${truth.large.samples} samples, ${truth.large.stacks} stacks, ${rounds} opens`);
for (const [what, value, unit, limit] of rows) {
  missed += value > limit;
  console.log(`${what.padEnd(16)} ${value.toFixed(unit === 'MB' ? 2 : 0).padStart(8)} ${unit}${limit < Infinity ? `  (at most ${limit}${value > limit ? ', MISSED' : ''})` : ''}`);
}
process.exit(missed ? 1 : 0);
