// Debian's Chromium, and pages of it that keep an account of what they must not do: break the policy, ask somebody else, fail.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const DIRECTORY = process.env.PULSEGATE_BROWSER; // where playwright-core is installed, and pictures are left
const { chromium } = await import(pathToFileURL(join(DIRECTORY, 'node_modules/playwright-core/index.mjs')));

/** What takes minutes: `make browser`. */
export const FULL = process.env.PULSEGATE_BROWSER_RUN === 'full';
const PICTURES = join(DIRECTORY, 'screenshots');
rmSync(PICTURES, { recursive: true, force: true });
mkdirSync(PICTURES, { recursive: true });

export const browser = await chromium.launch({
  executablePath: process.env.PULSEGATE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--enable-precise-memory-info'],
});

const open = new Set();

/** A tab of a browser profile of its own. */
export class Tab {
  static async open(gateway, { size = [1440, 900], colorScheme = 'light', phone = false } = {}) {
    const tab = new Tab();
    tab.gateway = gateway;
    tab.context = await browser.newContext({ viewport: { width: size[0], height: size[1] }, colorScheme, hasTouch: phone, isMobile: phone });
    open.add(tab);
    tab.context.setDefaultTimeout(40_000);
    tab.faults = [];
    tab.asked = [];
    // A violation names itself to the page, and where that is too early, to the console.
    await tab.context.exposeBinding('reportViolation', (_, text) => tab.faults.push(`policy: ${text}`));
    await tab.context.addInitScript(() => addEventListener('securitypolicyviolation',
      ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => reportViolation(`${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`)));
    tab.page = await tab.context.newPage();
    tab.page.on('pageerror', (error) => tab.faults.push(`exception: ${error.stack ?? error}`));
    tab.page.on('console', (message) => {
      // A connection that is lost, or refused while the gateway is away, is what some cases are about; Chromium writes it down.
      if (message.type() === 'error' && !/^WebSocket connection to 'ws:/.test(message.text())) tab.faults.push(`console: ${message.text()}`);
    });
    tab.page.on('request', (request) => tab.asked.push(request.url()));
    tab.page.on('websocket', (socket) => tab.asked.push(socket.url()));
    return tab;
  }

  get origin() {
    return `http://127.0.0.1:${this.gateway.port}`;
  }

  async go(address) {
    await this.page.goto(this.origin + address);
  }

  text(id) {
    return this.page.getByTestId(id).first().textContent();
  }

  /** What the view lets see of itself: `of` runs in the page, with it and `argument`. */
  view(of, argument) {
    return this.page.evaluate(`(${of})(window.pulsegate.view, ${JSON.stringify(argument)})`);
  }

  picture(name) {
    return this.page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
  }

  assertClean() {
    const elsewhere = this.asked.filter((url) => ![this.origin.slice(4), 'data:', 'about:'].some((ours) => url.replace(/^(http|ws)/, '').startsWith(ours)));
    assert.deepEqual({ faults: this.faults, elsewhere }, { faults: [], elsewhere: [] });
  }

  async close() {
    open.delete(this);
    await this.context.close();
  }
}

/** After each case: the tabs that are left, whose accounts must be clean as well, unless the case has failed already. */
export async function endTabs() {
  const tabs = [...open];
  await Promise.all(tabs.map((tab) => tab.close()));
  for (const tab of tabs) tab.assertClean();
}

/** A line in the table of tests/README.md. */
export function recordResult(fact, result) {
  if (!process.env.PULSEGATE_RESULTS) return;
  mkdirSync(process.env.PULSEGATE_RESULTS, { recursive: true });
  appendFileSync(join(process.env.PULSEGATE_RESULTS, 'browser.tsv'), `${fact}\t${result}\n`);
}

/** Animation frames a second of a page, over so many ms. */
export const frameRate = (page, ms) => page.evaluate((time) => new Promise((resolve) => {
  let begin;
  let frames = 0;
  const tick = (now) => {
    begin ??= now;
    if (now - begin >= time) return resolve((1000 * frames) / (now - begin));
    frames++;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}), ms);

/** Bytes that are in use once what is not needed is gone. */
export async function heapOf(session) {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}
