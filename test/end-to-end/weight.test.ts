import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launch, noBrowser, openPage } from './browser.ts';
import { LabServer } from './server.ts';

/** What one may have to load, as it comes over the wire, before the lesson stands there. */
const firstPageLimit = 400_000;

/** The first page over a real server: what it weighs, and what it leaves for later. */
describe('weight of the first page', { skip: noBrowser, timeout: 120_000 }, () => {
  let server: LabServer;
  let browser: Browser;
  let page: Page;
  let bytes = 0;
  const loaded: string[] = [];
  const parts = (name: string) => loaded.filter(path => path.startsWith(`/assets/${name}-`));

  before(async () => {
    server = await LabServer.start();
    browser = await launch();
    ({ page } = await openPage(browser));
    const protocol = await page.context().newCDPSession(page);
    await protocol.send('Network.enable');
    protocol.on('Network.responseReceived', ({ response }) => loaded.push(new URL(response.url).pathname));
    protocol.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('it is light, and has neither editor nor slides in it', async () => {
    await page.goto(server.learnerUrl);
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.locator('article.lesson').waitFor();
    await page.waitForLoadState('networkidle');
    console.log(`# the first page took ${bytes} bytes in ${loaded.length} answers`);
    assert.ok(bytes > 50_000, `${bytes} bytes cannot be all of it`);
    assert.ok(bytes < firstPageLimit, `${bytes} bytes; ${firstPageLimit} are allowed`);
    assert.deepEqual([...parts('editor'), ...parts('slides'), ...parts('instructor')], []);
  });

  test('the slides come when they are opened', async () => {
    await page.getByRole('button', { name: 'slides', exact: true }).click();
    await page.locator('.reveal section.present').waitFor();
    assert.ok(parts('slides').length > 0, loaded.join(' '));
    assert.deepEqual(parts('editor'), []);
  });
});
