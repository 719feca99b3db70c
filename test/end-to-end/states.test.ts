import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { seriousFindings } from './axe.ts';
import { type Look, launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';
import { type State, states } from './page-states.ts';
import { shoot } from './pictures.ts';
import { troubleStates } from './trouble-states.ts';

const looks: (Look & { name: string })[] = [
  { name: '1280-light', width: 1280, height: 800, theme: 'light' },
  { name: '1280-dark', width: 1280, height: 800, theme: 'dark' },
  { name: '1000-light', width: 1000, height: 700, theme: 'light' },
  { name: '800-dark', width: 800, height: 900, theme: 'dark' },
];

/** Of what is made of the same parts as the others, the two that differ most. */
const farApart = looks.filter(({ name }) => name === '1280-light' || name === '800-dark');

/** Every page in every state, in both themes and at both widths: nothing serious for axe, no error in the page, a picture of each. */
describe('states of the pages', { skip: noBrowser, timeout: 900_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const state of states)
    test(state.name, async () => {
      for (const look of looks) await visit(browser, state, look);
    });
  for (const state of troubleStates)
    test(state.name, async () => {
      for (const look of farApart) await visit(browser, state, look);
    });
});

async function visit(browser: Browser, state: State, look: Look & { name: string }): Promise<void> {
  const fake = await FakeServer.start();
  const { page, context, errors } = await openPage(browser, { ...look, motion: 'reduce' });
  try {
    await state.prepare(fake);
    if (!state.firstTime) await page.addInitScript(() => localStorage.setItem('unicorn:welcomed', 'true'));
    await page.goto(fake.url + state.path);
    await state.reach(page, fake);
    await shoot(page, `${state.name.replaceAll(/\W+/g, '-')}-${look.name}`);
    assert.deepEqual(await seriousFindings(page), [], `axe, ${look.name}`);
    assert.deepEqual(await overflowing(page), [], `nothing sticks out, ${look.name}`);
    assert.deepEqual(errors.filter(expected(state)), [], 'no errors in the page');
  } finally {
    await context.close();
    await fake.stop();
  }
}

/** The browser itself logs answers of 400 and more, which some states are about. */
const expected = (state: State) => (text: string) => !(state.failing && text.includes('Failed to load resource'));

/** Whether the page scrolls sideways, which it never should. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`${scrollWidth} px of content in ${clientWidth} px`] : [];
  });
}
