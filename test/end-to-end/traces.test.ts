import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Trace } from '../../server/api.ts';
import { launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';
import { someTraces, someTraffic } from './fake-states.ts';
import { LearnerAtWork } from './learner-at-work.ts';
import { LabServer, noSandbox } from './server.ts';

/** The waterfall of traces, below the terminals. */
describe('traces', { skip: noBrowser, timeout: 300_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  async function visit(use: (page: Page, fake: FakeServer) => Promise<void>, lesson = '2.19'): Promise<void> {
    const fake = await FakeServer.start();
    const { page, context, errors } = await openPage(browser);
    try {
      await page.addInitScript(() => localStorage.setItem('unicorn:welcomed', 'true'));
      await page.goto(`${fake.url}/lessons/${lesson}`);
      await page.locator('.terminal-view .xterm-screen').waitFor();
      await use(page, fake);
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await fake.stop();
    }
  }

  test('a request brings its trace, each span below the one for whose sake it was', async () => {
    await visit(async (page, fake) => {
      await page.getByText('No collector runs yet').waitFor();
      fake.traces = someTraces();
      fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
      await page.locator('.span-line', { hasText: 'recommendation' }).waitFor();
      assert.deepEqual(await names(page), ['0 customer', '1 preference', '2 recommendation']);
      assert.equal(await page.getByRole('option').count(), 3);
      const [door, last] = [page.locator('.span-bar').first(), page.locator('.span-bar').last()];
      const [whole, part] = [(await door.boundingBox())!, (await last.boundingBox())!];
      assert.ok(part.x > whole.x && part.width < whole.width, 'a bar lies within the one that waited for it');
    });
  });

  test('the newest is shown as it comes, until one looks into another', async () => {
    await visit(async (page, fake) => {
      const [newest, second, third] = someTraces();
      const come = async (...traces: Trace[]) => {
        fake.traces = traces;
        fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
        await page
          .getByRole('option')
          .nth(traces.length - 1)
          .waitFor();
      };
      const shown = page.locator('.waterfall');
      await come(third!);
      await come(second!, third!);
      await page.locator(`.waterfall[aria-label="Trace ${second!.id}"]`).waitFor();
      await shown.getByRole('button', { name: 'preference' }).click();
      await shown.locator('.span-tags').getByText('http://preference:8001/chain').waitFor();
      await come(newest!, second!, third!);
      assert.equal(await shown.getAttribute('aria-label'), `Trace ${second!.id}`);
      await page.getByRole('option').first().click();
      await page.locator(`.waterfall[aria-label="Trace ${newest!.id}"]`).waitFor();
    });
  });

  test('by keyboard: from trace to trace, and into the tags of a span', async () => {
    await visit(async (page, fake) => {
      fake.traces = someTraces();
      fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
      await page.getByRole('tab', { name: 'Traces', exact: true }).focus();
      await page.getByRole('option').first().waitFor();
      await page.keyboard.press('Tab');
      await page.locator('[role=option][aria-selected=true]:focus').waitFor();
      await page.keyboard.press('End');
      await page.locator('[role=option]:focus', { hasText: 'failed' }).waitFor();
      await page.keyboard.press('Tab');
      await page.locator('button.span-line:focus', { hasText: '504 UT' }).waitFor();
      await page.keyboard.press('Enter');
      await page.locator('.span-tags dt').getByText('error', { exact: true }).waitFor();
      await page.getByRole('tab', { name: 'Traces', exact: true }).focus();
      await page.keyboard.press('ArrowLeft');
      await page.locator('[role=tab]:focus', { hasText: 'Requests' }).waitFor();
      await page.locator('.requests tbody tr').first().waitFor();
    });
  });

  test('while nothing happens nothing is asked, and a lesson without traces asks for none', async () => {
    await visit(async (page, fake) => {
      fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
      await page.locator('.requests tbody tr').first().waitFor();
      assert.equal(await page.getByRole('tab', { name: 'Traces', exact: true }).count(), 0);
      assert.ok(!fake.log.includes('GET /api/traces'));
    }, '2.6');
  });

  test('of a real collector', { skip: noSandbox() }, async () => {
    const server = await LabServer.start(['--class']);
    const { page, context, errors } = await openPage(browser);
    try {
      const ada = new LearnerAtWork(page);
      await ada.join(server.learnerUrl, 'Ada');
      await ada.open('2.19');
      await page.getByText('No collector runs yet').waitFor();
      await ada.run('traces');
      await page.getByText('nobody told it of a request yet').waitFor();
      for (const id of ['trace-the-door', 'one-trace']) {
        const exercise = ada.exercise(id);
        await exercise.getByRole('button', { name: 'do it for me' }).click();
        await exercise.locator('.action').waitFor();
        await ada.passes(id);
        await exercise.locator('.action').waitFor({ state: 'detached' });
      }
      await page.locator('.span-line', { hasText: 'recommendation' }).waitFor();
      assert.deepEqual(await names(page), ['0 customer', '1 preference', '2 recommendation']);
      await page.locator('.waterfall').getByRole('button', { name: 'customer' }).click();
      await page.locator('.span-tags dt').getByText('http.status_code').waitFor();
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await server.stop();
    }
  });
});

/** The lines of the waterfall, with how deep each stands. */
function names(page: Page): Promise<string[]> {
  return page.locator('.span-name').evaluateAll(all =>
    all.map(one => {
      const depth = (one as HTMLElement).style.getPropertyValue('--depth') || '0';
      return `${depth} ${one.querySelector('.span-title')?.textContent}`;
    }),
  );
}
