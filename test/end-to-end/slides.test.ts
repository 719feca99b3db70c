import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';

interface Laid {
  id: string;
  /** Words alone: in the middle of the slide, where others begin at its top. */
  opens: boolean;
  titleTop: number;
  /** How far the content ends below and right of the slide; negative within it. */
  below: number;
  beside: number;
  /** The least height of its pictures. */
  picture: number | null;
}

/** One after the other, in module 1. */
const livePictures = [
  'envoy-anatomy',
  'service-proxy',
  'l4-filters',
  'l7-filters',
  'http2-grpc',
  'discovery-and-health',
  'advanced-balancing',
  'what-a-proxy-tells',
  'edge-proxy',
  'shared-proxy',
  'sidecar-proxy',
];

/** Every slide of the deck, as the browser lays it out. */
describe('slides', { skip: noBrowser, timeout: 120_000 }, () => {
  let fake: FakeServer;
  let browser: Browser;
  let page: Page;
  let laid: Laid[];

  before(async () => {
    fake = await FakeServer.start();
    browser = await launch();
    ({ page } = await openPage(browser, { motion: 'reduce' }));
    await page.goto(`${fake.url}/slides`);
    await page.locator('.reveal section.present').waitFor();
    laid = await page.evaluate(layOut);
  });
  after(async () => {
    await browser?.close();
    await fake?.stop();
  });

  test('nothing sticks out of a slide', () => {
    assert.ok(laid.length >= 55, `${laid.length} slides`);
    assert.deepEqual(
      laid.filter(slide => slide.below > 1 || slide.beside > 1),
      [],
    );
  });

  test('pictures are large enough to read', () => {
    const pictures = laid.filter(slide => slide.picture !== null);
    assert.ok(pictures.length >= 20, `${pictures.length} pictures`);
    assert.deepEqual(
      pictures.filter(slide => (slide.picture ?? 0) < 250),
      [],
    );
  });

  test('the title stays where it is from slide to slide', () => {
    const tops = laid.filter(slide => !slide.opens).map(slide => Math.round(slide.titleTop));
    assert.ok(tops.length > 30);
    assert.deepEqual([...new Set(tops)], [0]);
  });

  test('an address leads to its slide', async () => {
    const other = await openPage(browser);
    await other.page.goto(`${fake.url}/slides/retries-hands-on`);
    await other.page.locator('.reveal section.present[data-id=retries-hands-on]').waitFor();
    await other.page.locator('.slides-feet', { hasText: /^43 of/ }).waitFor();
    await other.context.close();
  });

  test('module 1: a picture of each, which plays an example', async () => {
    const other = await openPage(browser);
    const { page } = other;
    await page.goto(`${fake.url}/slides/envoy-anatomy`);
    const play = page.getByRole('button', { name: 'Play an example' });
    for (const id of livePictures) {
      await page.locator(`.reveal section.present[data-id="${id}"]`).waitFor();
      await play.click();
      await page.locator('.reveal section.present .traveller').first().waitFor({ state: 'attached' });
      await page.keyboard.press('ArrowRight');
    }
    assert.deepEqual(other.errors, []);
    await other.context.close();
  });

  test('they are turned by keys, and the address goes along', async () => {
    await page.keyboard.press('ArrowRight');
    await page.locator('.slides-feet', { hasText: /^2 of/ }).waitFor();
    assert.match(page.url(), /\/slides\/agenda$/);
    await page.getByRole('button', { name: 'Next slide' }).click();
    await page.locator('.slides-feet', { hasText: /^3 of/ }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.locator('.slides-feet', { hasText: /^2 of/ }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.locator('.slides-feet', { hasText: /^1 of/ }).waitFor();
  });
});

/** Runs in the page. Slides that are not turned to are not laid out: each is shown for a moment. */
function layOut(): Laid[] {
  const size = { width: 1100, height: 640 };
  return [...document.querySelectorAll<HTMLElement>('.reveal .slides > section')].map(section => {
    const style = section.getAttribute('style');
    Object.assign(section.style, { display: 'flex', visibility: 'visible', transform: 'none' });
    section.hidden = false;
    const title = section.querySelector<HTMLElement>('h1, h2');
    const children = [...section.children] as HTMLElement[];
    const pictures = [...section.querySelectorAll('figure')].map(one => one.offsetHeight);
    const found = {
      id: section.dataset.id ?? '',
      opens: section.querySelector('ul, ol, table, figure, pre') === null,
      titleTop: title?.offsetTop ?? -1,
      below: Math.max(...children.map(one => one.offsetTop + one.offsetHeight)) - size.height,
      beside: Math.max(...children.map(one => one.offsetLeft + one.scrollWidth)) - size.width,
      picture: pictures.length === 0 ? null : Math.min(...pictures),
    };
    section.setAttribute('style', style ?? '');
    return found;
  });
}
