import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launch, noBrowser, openPage } from './browser.ts';
import { FakeServer } from './fake-server.ts';
import { someTraffic } from './fake-states.ts';
import { LearnerAtWork } from './learner-at-work.ts';
import { LabServer, noSandbox } from './server.ts';

/** What decided a request, from the live picture. */
describe('explanations', { skip: noBrowser, timeout: 240_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  async function visit(use: (page: Page, fake: FakeServer) => Promise<void>): Promise<void> {
    const fake = await FakeServer.start();
    const { page, context, errors } = await openPage(browser);
    try {
      await page.addInitScript(() => localStorage.setItem('unicorn:welcomed', 'true'));
      await page.goto(`${fake.url}/lessons/2.6`);
      await page.locator('.terminal-view .xterm-screen').waitFor();
      await use(page, fake);
      assert.deepEqual(
        errors.filter(text => !text.includes('Failed to load resource')),
        [],
      );
    } finally {
      await context.close();
      await fake.stop();
    }
  }

  test('a click on a dot shows the lines that decided; it stops under the pointer', async () => {
    await visit(async (page, fake) => {
      const failed = someTraffic().find(({ path }) => path === '/status/500')!;
      fake.emit({ type: 'traffic', requests: [failed], dropped: 0 });
      const dot = page.locator('.traveller.clickable').first();
      await dot.waitFor({ state: 'attached' });
      await dot.dispatchEvent('pointerenter');
      assert.equal(await dot.evaluate(stateOf), 'paused');
      await dot.dispatchEvent('pointerleave');
      assert.equal(await dot.evaluate(stateOf), 'running');
      await dot.dispatchEvent('click');
      const dialog = page.getByRole('dialog', { name: 'What decided this request' });
      await dialog.getByText('GET proxy:15001/status/500').waitFor();
      await dialog.locator('li', { hasText: 'retry_on: 5xx' }).getByText('proxy.yaml:4').waitFor();
      await dialog.getByText('RouteConfiguration local version 7: virtual_hosts[0]').waitFor();
    });
  });

  test('by keyboard, from the list to the line in the editor', async () => {
    await visit(async (page, fake) => {
      fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
      await page.getByRole('button', { name: 'GET /flaky' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Open proxy.yaml:4' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('dialog').waitFor({ state: 'detached' });
      await page.locator('.cm-content:focus').waitFor();
      await page.locator('.cm-activeLineGutter', { hasText: '4' }).waitFor();
      await page.getByRole('button', { name: 'GET /flaky' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('dialog .decisions').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'GET /flaky' }).and(page.locator(':focus')).waitFor();
    });
  });

  test('where the proxy knows nothing of it any more, that is said', async () => {
    await visit(async (page, fake) => {
      const [request] = someTraffic();
      const error = { code: 'not-found', message: 'The proxy does not know this request any more.' };
      fake.answers.set(`GET /api/requests/${request!.requestId}/explanation`, { status: 404, body: { error } });
      fake.emit({ type: 'traffic', requests: [request!], dropped: 0 });
      await page.getByRole('button', { name: 'GET /headers' }).click();
      await page.locator('dialog').getByRole('alert').getByText(error.message).waitFor();
    });
  });

  test('a proxy without an admin interface explains nothing: there is nothing to click on', async () => {
    await visit(async (page, fake) => {
      fake.emit({ type: 'traffic', requests: [{ ...someTraffic()[0]!, explainedAt: '' }], dropped: 0 });
      await page.locator('.requests .path', { hasText: 'GET /headers' }).waitFor();
      assert.equal(await page.locator('.requests .path button').count(), 0);
    });
  });

  test('of a real proxy', { skip: noSandbox() }, async () => {
    const server = await LabServer.start(['--class']);
    const { page, context } = await openPage(browser);
    try {
      const ada = new LearnerAtWork(page);
      await ada.join(server.learnerUrl, 'Ada');
      await ada.open('2.1');
      await ada.type('learner', `printf '%s\\n' ${configuration.map(line => `'${line}'`).join(' ')} > own.yaml; clear`);
      await ada.type('learner', 'proxy -c own.yaml -l off &');
      await ada.proxyAnswers();
      await ada.type('learner', 'clear; curl -s localhost:10000/');
      await ada.sees('learner', 'of its own');
      await page.locator('.requests').getByRole('button', { name: 'GET /' }).click();
      const route = page.locator('.decisions li', { hasText: 'direct_response' });
      await route.getByRole('button', { name: 'Open own.yaml:15' }).click();
      await page.locator('.cm-activeLine', { hasText: 'direct_response' }).waitFor();
    } finally {
      await context.close();
      await server.stop();
    }
  });
});

const configuration = [
  'admin: { address: { socket_address: { address: 0.0.0.0, port_value: 9901 } } }',
  'static_resources:',
  '  listeners:',
  '  - address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }',
  '    filter_chains:',
  '    - filters:',
  '      - name: http',
  '        typed_config:',
  '          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  '          stat_prefix: own',
  '          route_config:',
  '            virtual_hosts:',
  '            - { name: all, domains: ["*"], routes: [',
  '                { match: { prefix: / },',
  '                  direct_response: { status: 200, body: { inline_string: of its own } } } ] }',
  '          http_filters:',
  '          - { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }',
];

/** Runs in the page: how a dot's motion stands. */
function stateOf(dot: Element): string {
  return dot.getAnimations()[0]?.playState ?? 'none';
}
