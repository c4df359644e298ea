// browser: opens reports in a real browser and remembers everything it complained about or asked the network for.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

export const truth = JSON.parse(readFileSync('truth.json', 'utf8'));
export const ROW = 19; // height of a frame, web/src/draw.ts

export async function launch() {
  const root = process.getuid() === 0; // the sandbox of Chromium refuses root
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [...(root ? ['--no-sandbox'] : []), '--headless', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--no-first-run'],
  });
}

export async function open(browser, kind, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  const url = pathToFileURL(`${kind}.html`).href;
  page.complaints = [];
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && page.complaints.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => page.complaints.push(`error: ${e.message}`));
  page.on('request', (r) => r.url() !== url && page.complaints.push(`request: ${r.url()}`));
  page.on('dialog', (d) => { page.complaints.push(`dialog: ${d.message()}`); void d.dismiss(); });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: 60000 });
  const ready = await page.evaluate(() => performance.getEntriesByName('ready')[0]?.startTime ?? NaN);
  return Object.assign(page, { ready });
}

/* Bytes of live JavaScript objects and of the typed arrays behind them. */
export async function heap(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const use = await session.send('Runtime.getHeapUsage');
  return use.usedSize + (use.backingStorageSize ?? 0);
}

/* Where a row of a graph is on the screen; the heaviest frames are at the left. */
export async function spot(page, row, share = 0.01, graph = '#flame') {
  const box = await page.locator(`.flame:has(${graph === '#flame' ? '[id^=flame-]' : `[id^=${graph.slice(1)}-]`}) canvas`).boundingBox();
  return { x: box.x + Math.max(4, box.width * share), y: box.y + (row + 0.5) * ROW };
}

export const detail = (page) => page.locator('#detail').innerText();
export const whole = (page) => page.locator('#whole').innerText();
export const items = (page, graph, level) => page.locator(`[id^="${graph}-"][role=treeitem][aria-level="${level}"]`).allInnerTexts();
