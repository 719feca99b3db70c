import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Look, launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';
import { type State, states } from './page-states.ts';

/** A page has fewer stops than this; who needs more goes in a circle without coming back. */
const mostSteps = 250;
const wanted: [string, Look][] = [
  ['join', {}],
  ['learner ready', {}],
  ['learner ready', { width: 800, height: 900 }],
  ['learner split with editor', {}],
  ['learner outline', {}],
  ['learner passed', {}],
  ['slides with a picture', {}],
  ['instructor ready', {}],
];

/** Whoever has no mouse: Tab alone (from a terminal or the editor, Escape and Tab) comes to everything that can be used. */
describe('by keyboard', { skip: noBrowser, timeout: 240_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const [name, look] of wanted)
    test(`${name}, ${look.width ?? 1280} px: everything is reached, and shows that it is`, async () => {
      const state = states.find(one => one.name === name);
      assert.ok(state, name);
      await goThrough(browser, state, look);
    });
});

async function goThrough(browser: Browser, state: State, look: Look): Promise<void> {
  const fake = await FakeServer.start();
  const { page, context } = await openPage(browser, { ...look, motion: 'reduce' });
  try {
    await state.prepare(fake);
    await page.addInitScript(() => localStorage.setItem('unicorn:welcomed', 'true'));
    await page.goto(fake.url + state.path);
    await state.reach(page, fake);
    const { steps, unseen } = await walk(page);
    assert.ok(steps > 1 && steps < mostSteps, `${steps} steps`);
    assert.deepEqual(await page.evaluate(notReached), [], 'not reached');
    assert.deepEqual([...new Set(unseen)], [], 'reached without showing it');
  } finally {
    await context.close();
    await fake.stop();
  }
}

/** Goes on by Tab from the beginning of the page to its end; marks what was reached. */
async function walk(page: Page): Promise<{ steps: number; unseen: string[] }> {
  const unseen: string[] = [];
  await page.evaluate(toTheBeginning);
  for (let steps = 1; steps < mostSteps; steps += 1) {
    if (await page.evaluate(() => document.activeElement?.matches('.xterm-helper-textarea, .cm-content') === true))
      await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    const { again, hidden } = await page.evaluate(arrived);
    if (hidden !== null) unseen.push(hidden);
    if (again) return { steps, unseen };
  }
  return { steps: mostSteps, unseen };
}

/** Runs in the page: the next Tab leads to the first stop. */
function toTheBeginning(): void {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
}

/** Runs in the page: marks where the focus is; tells whether it was there before, and its name if nothing shows it. */
function arrived(): { again: boolean; hidden: string | null } {
  const at = document.activeElement as HTMLElement | null;
  if (at === null || at === document.body) return { again: document.body.dataset.reached === 'yes', hidden: null };
  document.body.dataset.reached = 'yes';
  const again = at.dataset.reached === 'yes';
  at.dataset.reached = 'yes';
  // A terminal and the editor show their cursor; the slides light up the foot, the divider itself.
  if (at.matches('.xterm-helper-textarea, .cm-content, .reveal, .divider')) return { again, hidden: null };
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  const shows = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0;
  return { again, hidden: shows ? null : at.outerHTML.slice(0, 120) };
}

/** Runs in the page: what can be used, is visible, and was not reached. Of tabs, the one that is shown; arrows lead to the others. */
function notReached(): string[] {
  const usable = 'a[href], button, input, select, textarea, [tabindex="0"], [contenteditable=true]';
  return [...document.querySelectorAll<HTMLElement>(usable)]
    .filter(one => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }) && !one.closest('[inert]'))
    .filter(one => one.dataset.reached !== 'yes' && !(one instanceof HTMLInputElement && one.type === 'radio'))
    .filter(one => !(one as HTMLButtonElement).disabled)
    .map(one => one.outerHTML.slice(0, 120));
}
