// page: the HTML report in a real browser, by clicks and keys, its numbers against those the generator counted.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { detail, heap, items, launch, open, spot, truth, whole } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const percent = (share) => `${(share * 100).toFixed(1)} %`;
const of = (name, list = truth.small.functions) => list.find((f) => f.name.startsWith(name));
const comma = (n) => n.toLocaleString('en');
const all = truth.small.samples;
const browser = await launch();
let failed = 0;

async function test(name, kind, body, options) {
  const page = await open(browser, kind, options);
  try {
    await body(page);
    assert.deepEqual(page.complaints, [], 'the browser complained');
    console.log(`ok - ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok - ${name}\n${e.stack}`);
    await page.screenshot({ path: `failed-${failed}.png` });
  }
  await page.context().close();
}

const inSamples = (page) => page.selectOption('[data-choice=kind]', { label: 'samples' });
const point = async (page, row, share, graph) => { const s = await spot(page, row, share, graph); await page.mouse.move(s.x, s.y); };
const click = async (page, row, share, graph) => { const s = await spot(page, row, share, graph); await page.mouse.click(s.x, s.y); };
const includes = (text, part) => assert.ok(text.includes(part), `"${part}" is not in "${text}"`);

async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  assert.deepEqual(violations.map((v) => `${where}: ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), []);
}

await test('a frame tells function, module, line, samples, share and time', 'small', async (page) => {
  await inSamples(page);
  assert.equal(await whole(page), `${comma(all)} samples in all`);
  await point(page, 5);
  const text = await detail(page);
  const mainOnly = of('png_read_row').total - 170; // what is under png_read_row and not its filter
  includes(text, 'inflate');
  includes(text, 'libz.so.1');
  includes(text, 'inflate.c:1012');
  includes(text, `total ${percent(mainOnly / all)}, ${comma(mainOnly)} samples`);
  includes(text, `${(mainOnly * 10101010 / 1e9).toPrecision(3)} s`);
  includes(await page.locator('.tip').innerText(), 'inflate');
});

await test('a click zooms, Escape goes out, Reset shows everything', 'small', async (page) => {
  await click(page, 4);
  includes(await page.locator('[role=status]').innerText(), 'Zoomed to png_read_row');
  const width = async () => (await page.locator('[role=treeitem][aria-selected=true]').boundingBox()).width;
  const canvas = (await page.locator('.flame canvas').boundingBox()).width;
  assert.ok(Math.abs((await width()) - canvas) < 2, 'the zoomed frame is as wide as the graph');
  await point(page, 5, 0.99);
  includes(await detail(page), 'png_read_filter_row');
  await page.locator('[role=tree]').focus();
  await page.keyboard.press('Escape');
  includes(await page.locator('[role=status]').innerText(), 'handle_request');
  await click(page, 1, 0.99); // a caller spans everything
  includes(await page.locator('[role=status]').innerText(), 'main');
  await page.click('[data-do=reset]');
  await point(page, 1, 0.99);
  includes(await detail(page), 'start_thread');
});

await test('search tells the share of matches, nested ones once', 'small', async (page) => {
  await page.keyboard.press('/');
  await page.keyboard.type('INFLATE');
  includes(await page.locator('#found').innerText(), `${percent(of('inflate').total / all)} in 1 matching function`);
  await page.fill('input[type=search]', 'walk');
  includes(await page.locator('#found').innerText(), percent(of('walk').total / all));
  await page.click('button[aria-label="regular expression"]');
  await page.fill('input[type=search]', '^(hash_row|walk\\()');
  includes(await page.locator('#found').innerText(), `${percent((of('walk').total + of('hash_row').total) / all)} in 2 matching functions`);
  await page.fill('input[type=search]', '(');
  includes(await page.locator('#found').innerText(), 'not a regular expression');
  await page.locator('input[type=search]').press('Escape');
  assert.equal(await page.locator('#found').innerText(), '');
});

await test('bottom-up puts what took the time first', 'small', async (page) => {
  await inSamples(page);
  await page.locator('body').press('i');
  await point(page, 1);
  includes(await detail(page), 'inflate');
  includes(await detail(page), `total ${percent(of('inflate').self / all)}, ${comma(of('inflate').self)} samples`);
  const leaves = await items(page, 'flame', 2);
  const sum = leaves.reduce((n, t) => n + Number(/total [^,]*, ([\d,]+) samples/.exec(t)[1].replaceAll(',', '')), 0);
  assert.equal(sum, all, 'every sample has one leaf');
});

await test('the keyboard reaches every frame, and the screen reader hears it', 'small', async (page) => {
  await page.locator('[role=tree]').focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowDown');
  const active = async () => page.locator(`[id="${await page.locator('[role=tree]').getAttribute('aria-activedescendant')}"]`).innerText();
  includes(await active(), 'inflate');
  await page.keyboard.press('ArrowRight');
  includes(await active(), 'png_read_filter_row');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  includes(await active(), 'png_read_row');
  await page.keyboard.press('Enter');
  includes(await page.locator('[role=status]').innerText(), 'Zoomed to png_read_row');
  await page.keyboard.press('Home');
  assert.equal(await page.locator('[role=status]').innerText(), 'Showing everything');
  await page.keyboard.press('f');
  await page.keyboard.press('ArrowUp');
  includes(await active(), 'main');
  await page.keyboard.press('?');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
});

await test('a brushed range filters, and can be cleared', 'small', async (page) => {
  await inSamples(page);
  const strip = await page.locator('.strip').boundingBox();
  const y = strip.y + 20;
  await page.mouse.move(strip.x + 1, y);
  await page.mouse.down();
  await page.mouse.move(strip.x + strip.width * 0.2, y);
  await page.mouse.move(strip.x + strip.width * 0.3 - 1, y);
  await page.mouse.up();
  assert.equal(await whole(page), `${comma(truth.small.before_3s)} samples selected`);
  includes(await page.locator('.note').innerText(), 'Only 0 s to 3.00 s');
  await page.click('[data-do=clear]');
  assert.equal(await whole(page), `${comma(all)} samples in all`);
  await page.locator('.handle').nth(1).focus();
  for (let i = 0; i < 11; i++) await page.keyboard.press('Shift+ArrowLeft');
  assert.match(await whole(page), /selected/);
  await page.keyboard.press('Escape');
  assert.equal(await whole(page), `${comma(all)} samples in all`);
});

await test('callers and callees of a chosen function', 'small', async (page) => {
  await inSamples(page);
  await page.keyboard.down('Shift');
  await click(page, 5);
  await page.keyboard.up('Shift');
  includes(await page.locator('.chosen').innerText(), `total ${percent(of('inflate').total / all)}, self ${percent(of('inflate').self / all)}`);
  const callers = await items(page, 'callers', 2);
  const fromRow = of('png_read_row').total - 170;
  includes(callers.find((t) => t.startsWith('png_read_row')), `${comma(fromRow)} samples`);
  includes(callers.find((t) => t.startsWith('worker_loop')), `${of('inflate').total - fromRow} samples`);
  const callees = await items(page, 'callees', 2);
  assert.equal(callees.length, 1);
  includes(callees[0], `${of('inflate').total - of('inflate').self} samples`);
});

await test('threads and modules as groups add up', 'small', async (page) => {
  await inSamples(page);
  const sum = (texts) => texts.reduce((n, t) => n + Number(/total [^,]*, ([\d,]+) samples/.exec(t)[1].replaceAll(',', '')), 0);
  await page.selectOption('[data-choice=group]', 'thread');
  const threads = await items(page, 'flame', 2);
  assert.equal(threads.length, 3);
  assert.equal(sum(threads), all);
  for (const [tid, samples] of truth.small.threads) includes(threads.find((t) => t.includes(`(${tid})`)), `${comma(samples)} samples`);
  await page.selectOption('[data-choice=group]', 'module');
  assert.equal(sum(await items(page, 'flame', 2)), all);
  await page.selectOption('[data-choice=group]', 'none');
  await page.selectOption('[data-choice=thread]', { index: 1 });
  assert.match(await whole(page), /selected/);
  assert.equal(sum(await items(page, 'flame', 2)), truth.small.threads.find(([tid]) => tid === 4711)?.[1] ?? -1);
});

await test('the table sorts, filters and opens callers', 'small', async (page) => {
  await page.locator('body').press('t');
  const cells = (row) => page.locator('.functions tbody tr').nth(row).innerText();
  includes(await cells(0), 'inflate');
  includes(await cells(0), percent(of('inflate').self / all));
  includes(await cells(0), percent(of('inflate').total / all));
  await page.click('.functions thead button:has-text("Total")');
  assert.equal(await page.locator('th[aria-sort=descending]').innerText(), 'Total ▾');
  includes(await cells(0), 'serve');
  await page.fill('input[type=search]', 'hash');
  assert.equal(await page.locator('.functions tbody tr').count(), 1);
  await page.click('.functions .name');
  includes(await page.locator('.chosen').innerText(), 'hash_row');
});

await test('dark, light and forced colours', 'small', async (page) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.locator('body').press('d');
  assert.equal(await paper(), light);
  await page.click('#theme');
  assert.notEqual(await paper(), light);
  await page.emulateMedia({ forcedColors: 'active' });
  await point(page, 3);
  includes(await detail(page), 'handle_request');
});

await test('a comparison tells both sides, normalised', 'compare', async (page) => {
  const before = of('inflate', truth.compare.base), after = of('inflate', truth.compare.functions);
  await page.fill('input[type=search]', 'inflate');
  includes(await page.locator('#found').innerText(), `${percent(after.total / truth.compare.samples)} in 1 matching function, was ${percent(before.total / all)}`);
  await point(page, 4);
  includes(await detail(page), '▼ was');
  const widthOf = async (name) => (await page.locator('[role=treeitem]', { hasText: name }).first().boundingBox()).width;
  const canvas = (await page.locator('.flame canvas').boundingBox()).width;
  const share = async () => (await widthOf('main')) / canvas;
  await page.click('[data-side=base]');
  const was = await share();
  await page.click('[data-side=new]');
  const is = await share();
  assert.ok(Math.abs(was - truth.compare.main_base / all) < 0.01 && Math.abs(is - truth.compare.main / truth.compare.samples) < 0.01, `${was} ${is}`);
});

await test('names are text, whatever they are', 'hostile', async (page) => {
  assert.equal(await page.locator('script').count(), 1, 'only the page itself is a script');
  assert.equal(await page.locator('img').count(), 0);
  await page.locator('body').press('t');
  includes(await page.locator('.functions').innerText(), '</script><script>alert(1)</script>');
  includes(await page.locator('.functions').innerText(), '\\u{202e}reversed');
});

await test('nothing sampled is said', 'empty', async (page) => {
  includes(await page.locator('main').innerText(), 'Nothing was sampled');
});

for (const colorScheme of ['light', 'dark']) {
  for (const kind of ['small', 'compare']) {
    await test(`axe-core finds nothing: ${kind}, ${colorScheme}`, kind, async (page) => {
      await page.click('.howto summary');
      await point(page, 4);
      await accessible(page, 'flame graph');
      for (const view of ['up', 'both', 'table']) {
        await page.click(`[data-view=${view}]`);
        await accessible(page, view);
      }
      await page.click('#help');
      await accessible(page, 'help');
    }, { colorScheme });
  }
}

await test('200 % zoom: nothing is cut off', 'small', async (page) => {
  for (const view of ['down', 'both', 'table']) {
    await page.click(`[data-view=${view}]`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${view} is ${over} pixels too wide`);
  }
}, { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 });

await test('a million samples on 500,000 stacks', 'large', async (page) => {
  const bytes = statSync('large.html').size;
  assert.equal(truth.large.samples, 1000000);
  assert.ok(truth.large.stacks >= 500000);
  assert.ok(bytes <= 2e6, `${bytes} bytes`);
  const used = await heap(page);
  const steps = [];
  const timed = async (name, body) => {
    const began = Date.now();
    await body();
    steps.push(`${name} ${Date.now() - began} ms`);
  };
  await timed('zoom', () => click(page, 6));
  await timed('search', () => page.fill('input[type=search]', 'method_77'));
  assert.match(await page.locator('#found').innerText(), /% in \d+ matching functions/);
  await timed('bottom-up', () => page.click('[data-view=up]'));
  await timed('by thread', () => page.selectOption('[data-choice=group]', 'thread'));
  await timed('by module', () => page.selectOption('[data-choice=group]', 'module'));
  await timed('callers and callees', () => page.click('[data-view=both]'));
  await timed('table', () => page.click('[data-view=table]'));
  await page.click('[data-view=down]');
  await inSamples(page);
  await page.locator('.handle').nth(1).focus();
  await timed('brush', () => page.keyboard.press('Shift+ArrowLeft'));
  includes(await page.locator('.note').innerText(), '1 of every 10 samples');
  assert.equal(await whole(page), `${comma(truth.large.before_slice_480)} samples selected`);
  console.log(`# ${bytes} bytes, ready after ${page.ready.toFixed(0)} ms, heap ${(used / 1e6).toFixed(1)} MB, then ${(await heap(page) / 1e6).toFixed(1)} MB; ${steps.join(', ')}`);
  assert.ok(used <= 100e6, `${used} bytes of heap`);
});

for (const kind of ['small', 'compare', 'hostile', 'empty']) {
  const page = await browser.newPage({ viewport: { width: 1220, height: 700 } });
  const complaints = [];
  page.on('request', (r) => r.url().endsWith('.svg') || complaints.push(r.url()));
  page.on('dialog', (d) => { complaints.push(d.message()); void d.dismiss(); });
  await page.goto(pathToFileURL(`${kind}.svg`).href);
  const seen = await page.evaluate(() => ({
    broken: document.querySelectorAll('parsererror').length, scripts: document.querySelectorAll('script').length,
    titles: Array.from(document.querySelectorAll('g > title'), (t) => t.textContent),
    wide: Array.from(document.querySelectorAll('g')).filter((g) => g.querySelector('text')?.getBBox().width > g.querySelector('rect').getBBox().width).length,
  }));
  const share = `: ${(100 * (of('png_read_row').total - 170) / all).toFixed(2)} %`;
  const fine = !seen.broken && !seen.scripts && !seen.wide && !complaints.length
    && (kind !== 'small' || seen.titles.some((t) => t.startsWith('inflate (') && t.includes(share)));
  if (!fine) failed++;
  console.log(`${fine ? 'ok' : 'not ok'} - ${kind}.svg is one picture, its texts within their frames${fine ? '' : ` ${JSON.stringify({ ...seen, titles: seen.titles.slice(0, 9), complaints })}`}`);
  await page.close();
}

await browser.close();
process.exit(failed ? 1 : 0);
