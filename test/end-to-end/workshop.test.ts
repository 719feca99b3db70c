import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { seriousFindings } from './axe.ts';
import { launch, noBrowser, openPage } from './browser.ts';
import { LearnerAtWork } from './learner-at-work.ts';
import { hostileName } from './page-states.ts';
import { shoot } from './pictures.ts';
import { LabServer, noSandbox } from './server.ts';

const top = resolve(import.meta.dirname, '../..');
/** The picture that the README shows; made anew where UNICORN_README_PICTURE is set, since no two runs give the same bytes. */
const readmePicture = join(import.meta.dirname, 'pictures/learner.png');
const solution = (lesson: string, file: string) =>
  readFileSync(join(top, 'labs/lessons', lesson, 'solution', file), 'utf8');

/** A learner goes through lessons 1.1 and 2.1 to 2.6 in a real browser, with a real sandbox, while an instructor looks on in another. */
describe('the workshop, end to end', { skip: noBrowser || noSandbox(), timeout: 600_000 }, () => {
  let server: LabServer;
  let browser: Browser;
  let ada: LearnerAtWork;
  let learnerPage: { page: Page; context: BrowserContext; errors: string[] };
  let instructorPage: typeof learnerPage;

  before(async () => {
    server = await LabServer.start(['--class']);
    browser = await launch();
    learnerPage = await openPage(browser);
    instructorPage = await openPage(browser);
    ada = new LearnerAtWork(learnerPage.page);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const cell = (exercise: string, state: string) =>
    instructorPage.page
      .locator(`tr[data-learner]:has-text("Ada") td[data-exercise="${exercise}"][data-state="${state}"]`)
      .waitFor();

  test('the instructor signs in by the address; the secret leaves it', async () => {
    await instructorPage.page.goto(server.instructorUrl);
    await instructorPage.page.getByText('Nobody is here yet').waitFor();
    assert.equal(new URL(instructorPage.page.url()).hash, '');
  });

  test('a wrong code is told, a right one lets in', async () => {
    const wrong = server.learnerUrl.replace(/code=.*/, 'code=wrong');
    await learnerPage.page.goto(wrong);
    await learnerPage.page.locator('input[name=name]').fill('Ada');
    await learnerPage.page.getByRole('button', { name: 'Join', exact: true }).click();
    await learnerPage.page.locator('.problem').waitFor();
    await ada.join(server.learnerUrl, 'Ada');
    assert.equal(new URL(learnerPage.page.url()).hash, '');
    await instructorPage.page.locator('tr[data-learner]:has-text("Ada")').waitFor();
  });

  test('1.1: a request that lies is undone at the edge, and drawn on its slide', async () => {
    const { page } = learnerPage;
    assert.equal(await page.locator('article.lesson').getAttribute('data-lesson'), '1.1');
    await ada.run('httpbin --port 8001 --name shop');
    await ada.write('edge.yaml', solution('1.1-edge', 'believes-nobody.yaml'));
    await ada.run('proxy -c edge.yaml');
    await ada.proxyAnswers();
    await ada.type('learner', 'while curl -s -o /dev/null proxy:15001/headers; do sleep 0.3; done');
    await page.getByRole('link', { name: 'its slide' }).click();
    await page.locator('.slides-feet .live', { hasText: 'Yours: GET /headers, 200' }).waitFor();
    await page.getByRole('button', { name: 'Play an example' }).click();
    await page.locator('.reveal section.present .traveller').first().waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Try it: 1.1 At the edge' }).click();
    await ada.passes('believe-nobody');
    await ada.interrupt('learner');
    await ada.interrupt('proxy');
    await ada.interrupt('shop');
  });

  test('2.1: httpbin is started and called by clicking', async () => {
    await ada.open('2.1');
    await ada.run('httpbin');
    await ada.sees('httpbin', 'httpbin listens');
    await ada.run('curl -s httpbin:8000/headers');
    await ada.passes('httpbin-answers');
    await cell('httpbin-answers', 'passed');
    await ada.choose('who-wrote-the-headers', 'httpbin');
    await learnerPage.page.locator('.explained.wrong').waitFor();
    await ada.choose('who-wrote-the-headers', 'curl');
    await ada.passes('who-wrote-the-headers');
  });

  test('2.2: the proxy says what it lacks; its configuration is mended in the editor', async () => {
    await ada.next();
    await ada.run('proxy');
    await ada.sees('proxy', /At least one of/);
    await ada.choose('what-the-proxy-lacks', 'config-path-or-yaml');
    await ada.passes('what-the-proxy-lacks');
    await ada.run('proxy --mode validate -c broken.yaml');
    await ada.sees('proxy', /adress|no such field/);
    await ada.write('broken.yaml', solution('2.2-no-configuration', 'broken.yaml'));
    await ada.passes('mend-the-configuration');
  });

  test('2.3: a request goes through the proxy, and is drawn', async () => {
    await ada.next();
    await ada.write('proxy.yaml', solution('2.3-first-configuration', 'proxy.yaml'));
    await ada.run('proxy -c proxy.yaml');
    await ada.proxyAnswers();
    await ada.type('learner', 'curl -s proxy:15001/headers');
    await ada.sees('learner', /X-Envoy-Expected-Rq-Timeout-Ms.*15000/i);
    await ada.passes('first-route');
    await learnerPage.page.locator('.requests tr', { hasText: '/headers' }).first().waitFor();
    await ada.choose('up-and-down', 'curl-downstream');
    await ada.passes('up-and-down');
    await cell('first-route', 'passed');
  });

  test('2.4: a timeout of one second', async () => {
    await ada.next();
    await ada.write('proxy.yaml', solution('2.4-timeouts', 'proxy.yaml'));
    await ada.interrupt('proxy');
    await ada.run('proxy -c proxy.yaml');
    await ada.proxyAnswers();
    await ada.type('learner', 'curl -si proxy:15001/delay/3');
    await ada.sees('learner', '504 Gateway Timeout');
    await ada.passes('one-second');
    await ada.choose('who-gave-up', 'no-service-time');
    await ada.passes('who-gave-up');
  });

  test('2.5: the answer is read from the admin interface', async () => {
    await ada.next();
    await ada.choose('default-limits', 'circuit-breaker');
    await ada.passes('default-limits');
    await ada.type(
      'learner',
      'clear; for i in $(seq 13); do curl -s -o /dev/null localhost:15001/status/418; done; curl -s "localhost:9901/stats?filter=cluster.httpbin.upstream_rq_418"',
    );
    await ada.sees('learner', 'upstream_rq_418: 13');
    await ada.answer('count-the-burst', '12');
    await learnerPage.page.locator('.explained.wrong').waitFor();
    await ada.answer('count-the-burst', '13');
    await ada.passes('count-the-burst');
  });

  test('2.6: three retries, drawn with each try', async () => {
    await ada.next();
    await ada.exercise('retry-three-times').getByRole('button', { name: 'hint 1 of 3' }).click();
    await ada.exercise('retry-three-times').getByText('Hint 1 of 3').waitFor();
    await ada.write('proxy.yaml', solution('2.6-retries', 'proxy.yaml'));
    await ada.interrupt('proxy');
    await ada.run('proxy -c proxy.yaml');
    await ada.proxyAnswers();
    await ada.run('curl -si proxy:15001/flaky/2', 1);
    await ada.run('curl -si proxy:15001/status/500');
    await ada.sees('learner', '500 Internal Server Error');
    await ada.passes('retry-three-times');
    await learnerPage.page.locator('.requests tr.failed', { hasText: 'URX' }).first().waitFor();
    await ada.choose('limit-exceeded', 'gave-up');
    await ada.passes('limit-exceeded');
    await cell('retry-three-times', 'passed');
  });

  test('the pictures of a learner and an instructor at work', async () => {
    await learnerPage.page.locator('.exercise').first().scrollIntoViewIfNeeded();
    await ada.show('learner');
    await learnerPage.page
      .locator('.exercise')
      .first()
      .evaluate(element => element.scrollIntoView({ block: 'center' }));
    await shoot(learnerPage.page, 'workshop-learner');
    if (process.env.UNICORN_README_PICTURE) await learnerPage.page.screenshot({ path: readmePicture });
    await shoot(instructorPage.page, 'workshop-instructor');
    assert.deepEqual(await seriousFindings(learnerPage.page), []);
    assert.deepEqual(await seriousFindings(instructorPage.page), []);
  });

  test('a message and a slide reach the learner', async () => {
    const { page } = instructorPage;
    await page.getByLabel('Message', { exact: true }).fill('Break until 11:15. <b>Really</b>');
    await page.getByRole('button', { name: 'Send' }).click();
    await learnerPage.page.locator('.bar.message', { hasText: 'Break until 11:15. <b>Really</b>' }).waitFor();
    await page.getByLabel('Slide', { exact: true }).selectOption({ index: 3 });
    await learnerPage.page.locator('.button.follow').click();
    await learnerPage.page.locator('.slides-feet', { hasText: /^3 of/ }).waitFor();
    await page.getByRole('button', { name: 'Next slide' }).click();
    await learnerPage.page.locator('.slides-feet', { hasText: /^4 of/ }).waitFor();
    await page.getByRole('button', { name: 'Let them go' }).click();
    await learnerPage.page.getByRole('button', { name: 'back to the lesson' }).click();
    await learnerPage.page.locator('article.lesson').waitFor();
  });

  test('a reload keeps the place, the progress and the screen', async () => {
    await ada.type('learner', 'echo before the reload');
    await ada.sees('learner', 'before the reload');
    await learnerPage.page.reload();
    await ada.lesson();
    await ada.passes('retry-three-times');
    await ada.sees('learner', 'before the reload');
  });

  test('a killed server comes back to the same terminal, screen and progress, in the middle of a command', async () => {
    await ada.type(
      'learner',
      'clear; echo begun $$; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.5; echo tick $i; done; echo ended $$',
    );
    await ada.sees('learner', 'tick 2');
    await server.kill();
    await learnerPage.page.locator('.bar[data-state=reconnecting]').waitFor();
    await learnerPage.page.locator('.terminal-place.away').waitFor();
    await shoot(learnerPage.page, 'workshop-reconnecting');
    await server.run();
    await learnerPage.page.locator('.bar[data-state=reconnecting]').waitFor({ state: 'detached' });
    await ada.sees('learner', /ended \d+/);
    const text = (
      await learnerPage.page.locator('.terminal-view[data-terminal=learner] .xterm-rows').innerText()
    ).replaceAll('\u00a0', ' ');
    const [begun, ended] = [/begun (\d+)/.exec(text)?.[1], /ended (\d+)/.exec(text)?.[1]];
    assert.equal(begun, ended, 'the same shell');
    for (let tick = 1; tick <= 12; tick += 1) assert.match(text, new RegExp(`tick ${tick}\\b`));
    assert.equal(text.match(/tick 12/g)?.length, 1, 'nothing is shown twice');
    await ada.passes('retry-three-times');
    await instructorPage.page.locator('.bar[data-state=reconnecting]').waitFor({ state: 'detached' });
    await cell('retry-three-times', 'passed');
  });

  test('hostile names are text, on every page', async () => {
    const other = await openPage(browser);
    const mallory = new LearnerAtWork(other.page);
    await mallory.join(server.learnerUrl, '<img src=x onerror=alert(1)>');
    await instructorPage.page.locator('tr[data-learner]', { hasText: '<img src=x' }).waitFor();
    assert.equal(await instructorPage.page.locator('tr[data-learner] img').count(), 0);
    const answer = await other.page.evaluate(
      async ({ name, code }) =>
        (
          await fetch('/api/join', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ name, code }),
          })
        ).status,
      { name: hostileName, code: new URLSearchParams(new URL(server.learnerUrl).hash.slice(1)).get('code') },
    );
    assert.equal(answer, 400, 'a name of 10 kB is refused');
    await other.context.close();
  });

  test('the instructor ends and removes a session', async () => {
    const { page } = instructorPage;
    const row = page.locator('tr[data-learner]:has-text("Ada")');
    await row.locator('.name').click();
    await page.locator('.details').getByRole('button', { name: 'end', exact: true }).click();
    await page.locator('dialog').getByRole('button', { name: 'end', exact: true }).click();
    await learnerPage.page.getByText('Your sandbox ended').waitFor();
    await learnerPage.page.getByRole('button', { name: 'Start it again' }).click();
    await ada.lesson();
    await page.locator('.details').getByRole('button', { name: 'remove', exact: true }).click();
    await page.locator('dialog').getByRole('button', { name: 'remove', exact: true }).click();
    await learnerPage.page.locator('main.join').waitFor();
  });

  test('no page logged an error', () => {
    const unexpected = [...learnerPage.errors, ...instructorPage.errors].filter(
      text => !/Failed to load resource/.test(text),
    );
    assert.deepEqual(unexpected, []);
  });
});
