import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Look, launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';
import { exerciseState, row, someTraffic } from './fake-states.ts';
import { aClass } from './page-states.ts';

const lesson = '/lessons/2.6';

/** How the pages behave where a server that does as it is told shows it best. */
describe('feel', { skip: noBrowser, timeout: 240_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  async function visit(
    path: string,
    look: Look,
    prepare: (fake: FakeServer) => void,
    use: (page: Page, fake: FakeServer) => Promise<void>,
  ): Promise<void> {
    const fake = await FakeServer.start();
    const { page, context } = await openPage(browser, look);
    try {
      prepare(fake);
      await page.addInitScript(() => localStorage.setItem('unicorn:welcomed', 'true'));
      await page.goto(fake.url + path);
      await use(page, fake);
    } finally {
      await context.close();
      await fake.stop();
    }
  }

  test('a lost connection is told until it is back; what was typed meanwhile then arrives', async () => {
    await visit(
      lesson,
      {},
      () => {},
      async (page, fake) => {
        await page.locator('.terminal-view .xterm-screen').click();
        fake.cut();
        await page.locator('.bar[data-state=reconnecting]').waitFor();
        await page.locator('.terminal-place.away').waitFor();
        await page.evaluate(watchReconnecting);
        await page.locator('.over[data-state=reconnecting]', { hasText: /Next try in \d+ s/ }).waitFor();
        await page.keyboard.type('abc');
        await page.locator('.over', { hasText: 'kept (3 bytes)' }).waitFor();
        await page.locator('.bar', { hasText: /Next try in [2-9] s/ }).waitFor();
        assert.equal(await page.evaluate(() => document.body.dataset.flickered), undefined, 'it was told throughout');
        assert.deepEqual(fake.typed, []);
        fake.refusing = false;
        await page.locator('.bar').getByRole('button', { name: 'Try now' }).click();
        await page.locator('.bar[data-state=reconnecting]').waitFor({ state: 'detached' });
        await page.locator('.over').waitFor({ state: 'detached' });
        await page.locator('.terminal-place.away').waitFor({ state: 'detached' });
        await page.locator('.terminal-view .xterm-screen').click();
        await page.keyboard.type('!');
        await fake.wasTyped('!');
        assert.equal(fake.typed.join(''), 'abc!');
      },
    );
  });

  test('a snapshot takes the place of the output that it comes right after', async () => {
    await visit(
      lesson,
      {},
      () => {},
      async (page, fake) => {
        await page.locator('.terminal-view .xterm-screen').waitFor();
        await page.locator('.terminal-place:not(.away)').waitFor();
        // More than is parsed at once: some of it is still to be drawn when the snapshot comes.
        fake.outrun('old\r\n'.repeat(20_000), 'new\r\n');
        const rows = page.locator('.xterm-rows');
        await rows.filter({ hasText: 'new' }).waitFor();
        assert.doesNotMatch(await rows.innerText(), /old/);
      },
    );
  });

  test('more typing than is kept is refused, and told', async () => {
    await visit(
      lesson,
      {},
      () => {},
      async (page, fake) => {
        await page.locator('.terminal-view .xterm-screen').click();
        fake.cut();
        await page.locator('.over').waitFor();
        await page.keyboard.insertText('x'.repeat(4000));
        await page.locator('.over', { hasText: 'kept (4000 bytes)' }).waitFor();
        await page.keyboard.insertText('y'.repeat(200));
        await page.locator('.over', { hasText: 'no more can be typed ahead' }).waitFor();
      },
    );
  });

  for (const motion of ['no-preference', 'reduce'] as const) {
    const moves = motion === 'no-preference';
    test(`passing is a small joy${moves ? '' : ', without motion where that is asked for'}`, async () => {
      const opened = exerciseState('retry-three-times');
      await visit(
        lesson,
        { motion },
        fake => void Object.assign(fake.learner.exercises, { [opened.id]: opened }),
        async (page, fake) => {
          await page.locator('.terminal-view .xterm-screen').click();
          await page.locator('.exercise').first().scrollIntoViewIfNeeded();
          await page.evaluate(watchDots);
          fake.emit({ type: 'exercise', exercise: { ...opened, passed: true, solvedBy: 'learner' } });
          const joyful = page.locator('.exercise.joy[data-passed=true]');
          await joyful.waitFor();
          assert.equal(await joyful.evaluate(glow), moves ? '0.6s' : '0s');
          await page.getByRole('status').filter({ hasText: 'Passed: ' }).waitFor({ state: 'attached' });
          assert.equal(await page.locator('dialog').count(), 0, 'nothing pops up');
          assert.ok(await page.evaluate(() => document.activeElement?.closest('.terminal-view')), 'typing goes on');
          fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
          await page.locator('.requests tbody tr').first().waitFor();
          assert.equal(await page.evaluate(() => document.body.dataset.dots === 'yes'), moves);
        },
      );
    });
  }

  test('what is said of an answer that was changed meanwhile is not shown for the new one', async () => {
    await visit(
      lesson,
      {},
      fake => {
        fake.learner.exercises['limit-exceeded'] = exerciseState('limit-exceeded');
      },
      async page => {
        const held = Promise.withResolvers<void>();
        let asked = 0;
        await page.route('**/api/exercises/limit-exceeded/answer', async route => {
          const first = ++asked === 1;
          if (first) await held.promise;
          await route.fulfill({ json: { right: !first, explanationHtml: `<p>${first ? 'the old' : 'the new'}</p>` } });
        });
        const exercise = page.locator('[data-exercise=limit-exceeded]');
        const answer = async (index: number) => {
          await exercise.locator('input[type=radio]').nth(index).check();
          await exercise.getByRole('button', { name: 'Answer' }).click();
        };
        await answer(0);
        await answer(1);
        await exercise.locator('.explained.right', { hasText: 'the new' }).waitFor();
        const late = page.waitForResponse('**/api/exercises/limit-exceeded/answer');
        held.resolve();
        await (await late).finished();
        await page.evaluate(() => new Promise(requestAnimationFrame));
        await exercise.locator('.explained.right', { hasText: 'the new' }).waitFor();
        assert.equal(await exercise.locator('.explained.wrong').count(), 0);
      },
    );
  });

  test('a file that the text names opens by a click, and is read again where it changed while its tab was hidden', async () => {
    await visit(
      '/lessons/2.8',
      {},
      () => {},
      async (page, fake) => {
        const name = page.locator('.lesson').getByRole('button', { name: 'breakers.yaml', exact: true }).first();
        await name.click();
        const text = page.locator('.editor[data-file="breakers.yaml"] .cm-content');
        await text.waitFor();
        await page.locator('[role=tab][id$="terminal:learner"]').click();
        await text.waitFor({ state: 'detached' });
        const body = { path: 'breakers.yaml', content: 'changed: true\n', modifiedMs: 2 };
        fake.answers.set('GET /api/files', { status: 200, body });
        fake.emit({ type: 'files', paths: ['breakers.yaml'] });
        await name.click();
        await text.filter({ hasText: 'changed: true' }).waitFor();
      },
    );
  });

  test('the joy does not come again with the lesson', async () => {
    const opened = exerciseState('retry-three-times');
    await visit(
      lesson,
      {},
      fake => void Object.assign(fake.learner.exercises, { [opened.id]: opened }),
      async (page, fake) => {
        await page.locator('article.lesson').waitFor();
        fake.emit({ type: 'exercise', exercise: { ...opened, passed: true, solvedBy: 'learner' } });
        await page.locator('.exercise.joy').waitFor();
        await page.locator('.way.previous').click();
        await page.locator('article[data-lesson="2.5"]').waitFor();
        await page.locator('.way.next').click();
        await page.locator('.exercise[data-passed=true]').waitFor();
        assert.equal(await page.locator('.exercise.joy').count(), 0);
      },
    );
  });

  test('on paper the lesson is whole: no line of code is cut off, nothing of the workspace is there', async () => {
    await visit(
      '/lessons/2.3',
      { width: 700 },
      () => {},
      async page => {
        await page.locator('.half', { hasText: 'Terminals' }).click();
        await page.emulateMedia({ media: 'print' });
        await page.locator('article.lesson').waitFor();
        for (const gone of ['.work-pane', '.top-bar', '.command-feet', '.ways'])
          assert.equal(await page.locator(gone).first().isVisible(), false, gone);
        const cut = await page
          .locator('.lesson pre')
          .evaluateAll(all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent));
        assert.deepEqual(cut, []);
        assert.ok(await page.evaluate(() => document.body.scrollHeight > 1000), 'as long as it is');
      },
    );
  });

  test('who gets stuck rises to the top of the map, with what the last check found', async () => {
    await visit('/instructor', {}, aClass, async (page, fake) => {
      const first = page.locator('tr[data-learner]').first();
      await page.locator('tr[data-learner=grace].stuck').waitFor();
      assert.equal(await first.getAttribute('data-learner'), 'grace');
      await first.locator('.last-check', { hasText: 'a failing request is tried four times: 1 try' }).waitFor();
      fake.emitClass({ type: 'learner', learner: row('grace', 'Grace Hopper') });
      fake.emitClass({ type: 'learner', learner: row('zoe', 'Zoë Ångström', { stuck: true }) });
      await page.locator('tr[data-learner=zoe].stuck').waitFor();
      assert.equal(await first.getAttribute('data-learner'), 'zoe');
    });
  });

  test('the divider tells its value where it was never moved', async () => {
    await visit(
      lesson,
      { width: 1000 },
      () => {},
      async page => {
        const divider = page.locator('.divider[aria-valuenow="30"]');
        await divider.waitFor();
        await divider.focus();
        await page.keyboard.press('ArrowRight');
        await page.locator('.divider[aria-valuenow="32"]').waitFor();
      },
    );
  });
});

/** Runs in the page: notes when for a moment nothing tells that the connection is lost. */
function watchReconnecting(): void {
  const told = () =>
    document.querySelector('.bar[data-state=reconnecting]') !== null &&
    document.querySelector('.terminal-place.away') !== null;
  new MutationObserver(() => {
    if (!told()) document.body.dataset.flickered = 'yes';
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
}

/** Runs in the page: notes when a dot of the live picture is drawn. */
function watchDots(): void {
  new MutationObserver(() => {
    if (document.querySelector('.traveller') !== null) document.body.dataset.dots = 'yes';
  }).observe(document.body, { subtree: true, childList: true });
}

/** Runs in the page: how long a passed exercise glows. */
function glow(exercise: Element): string {
  return getComputedStyle(exercise, '::after').animationDuration;
}
