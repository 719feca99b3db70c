import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { findChromium, flags, noBrowser, openPage } from './browser.ts';
import { LearnerAtWork } from './learner-at-work.ts';
import { LabServer, noSandbox } from './server.ts';

const soonMs = 30_000;
/** A name that the browser, unlike loopback's, takes for no secure context, as on a class's network. */
const name = hostname().toLowerCase();

/** What one does on the pages besides the lessons themselves, over plain http, with a real sandbox. */
describe('interactions', { skip: noBrowser || noSandbox(), timeout: 180_000 }, () => {
  let server: LabServer;
  let browser: Browser;
  let page: Page;
  let ada: LearnerAtWork;
  let teacher: Page;
  const errors: string[][] = [];

  const at = (url: string) => Object.assign(new URL(url), { hostname: name }).href;
  const open = async () => {
    const opened = await openPage(browser);
    errors.push(opened.errors);
    return opened.page;
  };
  const focused = (selector: string) => page.locator(`${selector}:focus`).waitFor({ state: 'attached' });
  const field = () => page.getByLabel('Search in the terminal').and(page.locator('input'));
  const confirm = (on: Page, answer: string) =>
    on.locator('dialog').getByRole('button', { name: answer, exact: true }).click();
  /** Puts the keyboard into the terminal that is shown. */
  const enterTerminal = () => page.locator('.terminal-view .xterm-screen').click();
  let asked = 0;
  /** Columns of the shell's terminal, as the shell sees them. */
  const columns = async (): Promise<number> => {
    asked += 1;
    await ada.type('learner', `clear; echo "wide $((${asked} + 0)): $(tput cols)."`);
    const shown = new RegExp(`wide ${asked}:\\s(\\d+)\\.`);
    await ada.sees('learner', shown);
    const text = await page.locator('.terminal-view[data-terminal=learner] .xterm-rows').innerText();
    return Number(shown.exec(text)?.[1]);
  };

  before(async () => {
    server = await LabServer.start(['--class', '--host', '0.0.0.0']);
    const args = [...flags, `--host-resolver-rules=MAP ${name} 127.0.0.1`];
    browser = await chromium.launch({ executablePath: findChromium() ?? '', args, timeout: soonMs });
    teacher = await open();
    await teacher.goto(at(server.instructorUrl));
    page = await open();
    ada = new LearnerAtWork(page);
    await ada.join(at(server.learnerUrl), 'Ada');
    await ada.open('2.1');
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('a terminal is left by keyboard, and what is typed after coming back is whole', async () => {
    await ada.type('learner', 'echo begin');
    await ada.sees('learner', 'begin');
    await enterTerminal();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    await focused('.picture-pane button');
    await ada.type('learner', 'echo back $((40 + 2))');
    await ada.sees('learner', 'back 42');
    await enterTerminal();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Shift+Tab');
    await focused('#lesson');
    await enterTerminal();
    await page.keyboard.press('Control+Shift+ArrowLeft');
    await focused('#lesson');
  });

  test('Escape alone still reaches the program', async () => {
    await ada.type('learner', 'clear; read -rsn1 key; printf "key %d\\n" "\'$key"');
    await page.locator('.tab[aria-selected=true]:has(.busy)').waitFor();
    await page.keyboard.press('Escape');
    await ada.sees('learner', 'key 27');
  });

  test('the terminal is searched', async () => {
    await enterTerminal();
    await page.keyboard.press('Control+Shift+F');
    await field().fill('no such words');
    await page.locator('.search-bar', { hasText: 'not found' }).waitFor();
    await field().fill('key 27');
    await page.locator('.search-bar [role=status]:empty').waitFor({ state: 'attached' });
    await page.keyboard.press('Escape');
    await focused('.xterm-helper-textarea');
  });

  test('what is selected is copied and pasted, without the clipboard of secure pages', async () => {
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await page.keyboard.press('Control+Shift+C');
    await focused('.xterm-helper-textarea');
    await page.keyboard.type('echo pasted: ');
    await page.keyboard.press('Control+v');
    await page.locator('.xterm-rows', { hasText: 'echo pasted: key 27' }).waitFor();
    await page.keyboard.press('Enter');
    await ada.sees('learner', 'pasted: key 27');
    const command = page.locator('.command').first();
    await command.getByRole('button', { name: 'copy' }).click();
    await command.getByRole('button', { name: 'copied' }).waitFor();
    await page.keyboard.press('Tab');
    await enterTerminal();
    await page.keyboard.press('Control+v');
    await ada.sees('learner', /\$\shttpbin/);
    await page.keyboard.press('Control+c');
  });

  test('a command that is clicked waits for the prompt, and is refused while a program goes on', async () => {
    const command = page.locator('.command', { hasText: 'curl -s httpbin:8000/headers' }).first();
    await ada.type('learner', 'clear; sleep 1; echo slept $((1 + 1))');
    await command.getByRole('button', { name: 'run', exact: true }).click();
    await command.getByRole('button', { name: 'waits for the prompt' }).waitFor();
    await command.locator('.typed').waitFor();
    await ada.sees('learner', /slept 2.*\$\scurl -s httpbin:8000\/headers/s);
    await ada.type('learner', 'clear; sleep 100');
    await page.locator('.tab[aria-selected=true]:has(.busy)').waitFor();
    await command.getByRole('button', { name: 'run', exact: true }).click();
    await command.locator('.command-refused', { hasText: 'A program is running in the terminal "learner"' }).waitFor();
    await ada.interrupt('learner');
    await command.getByRole('button', { name: 'Run it again' }).click();
    await command.locator('.command-refused').waitFor({ state: 'detached' });
    await ada.sees('learner', /\$\scurl -s httpbin:8000\/headers/);
  });

  test('a paste of 200 kB arrives whole', async () => {
    await ada.type('learner', 'clear; stty -echo; head -n 2000 | wc -c; stty echo');
    await page.locator('.tab[aria-selected=true]:has(.busy)').waitFor();
    await page.locator('.terminal-view textarea').evaluate(field => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', `${'x'.repeat(99)}\n`.repeat(2000));
      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await ada.sees('learner', '200000');
  });

  test('a link opens beside', async () => {
    const address = `http://${name}:${new URL(server.learnerUrl).port}/icon.svg`;
    await ada.type('learner', `clear; echo; echo ${address}`);
    const row = page.locator('.xterm-rows > div').filter({ hasText: new RegExp(`^${address}`) });
    await row.waitFor();
    const opened = page.context().waitForEvent('page');
    const box = await row.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 30, box.y + box.height / 2);
    await page.locator('.xterm-screen.xterm-cursor-pointer, .xterm.xterm-cursor-pointer').first().waitFor();
    await page.mouse.down();
    await page.mouse.up();
    const beside = await opened;
    assert.equal(beside.url(), address);
    await beside.close();
  });

  test('the divider is dragged, the shell learns its new width, and it is remembered', async () => {
    const divider = page.locator('.divider');
    const before = await columns();
    const box = await divider.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x, 400);
    await page.mouse.down();
    await page.mouse.move(box.x - 60, 400, { steps: 4 });
    await page.mouse.move(box.x - 120, 400);
    await page.mouse.up();
    const share = await divider.getAttribute('aria-valuenow');
    const after = await columns();
    assert.ok(after > before + 8, `${before} columns became ${after}`);
    await page.reload();
    await ada.lesson();
    assert.equal(await divider.getAttribute('aria-valuenow'), share);
    assert.equal(await columns(), after);
    await divider.focus();
    await page.keyboard.press('ArrowLeft');
    assert.equal(await divider.getAttribute('aria-valuenow'), String(Number(share) - 2));
  });

  test('type is made larger and smaller', async () => {
    const before = await columns();
    await page.getByRole('button', { name: 'Larger type' }).click();
    await page.getByRole('button', { name: 'Larger type' }).click();
    assert.ok((await columns()) < before);
    await enterTerminal();
    await page.keyboard.press('Control+Shift+Minus');
    await page.keyboard.press('Control+Shift+Minus');
    assert.equal(await columns(), before);
  });

  test('two panes show two terminals, and are joined again', async () => {
    await page.getByRole('button', { name: 'Split' }).click();
    await page.locator('.panes[data-count="2"]').waitFor();
    await page.locator('.terminal-view').nth(1).locator('.xterm-rows', { hasText: '$' }).waitFor();
    await ada.type('learner', 'clear; echo in the first');
    await ada.sees('learner', 'in the first');
    await page.getByRole('button', { name: 'One pane' }).click();
    await page.locator('.panes[data-count="1"]').waitFor();
    await ada.sees('learner', 'in the first');
  });

  test('a terminal can be read aloud', async () => {
    await page.getByRole('button', { name: 'help' }).click();
    await page.getByLabel('Terminals speak to screen readers').check();
    await page.keyboard.press('Escape');
    await ada.type('learner', 'clear; echo to be read');
    await page.locator('.xterm-accessibility', { hasText: 'to be read' }).waitFor({ state: 'attached' });
  });

  test('catching up brings the sandbox to where a lesson starts', async () => {
    await ada.next();
    await ada.next();
    await ada.next();
    await page.getByRole('button', { name: 'catch me up to here' }).click();
    await confirm(page, 'Catch me up');
    await page.locator('.lesson > .action').waitFor();
    await page.locator('.lesson > .action').waitFor({ state: 'detached', timeout: soonMs });
    await ada.type('learner', 'clear; curl -s -o /dev/null -w "%{http_code}\\n" proxy:15001/headers');
    await ada.sees('learner', /^200$|200/);
  });

  test('hints come one by one, then the solution', async () => {
    const exercise = ada.exercise('one-second');
    for (const number of [1, 2, 3]) {
      await exercise.getByRole('button', { name: `hint ${number} of 3` }).click();
      await exercise
        .getByRole('note')
        .filter({ hasText: `Hint ${number} of 3` })
        .waitFor();
      assert.equal(await exercise.getByRole('note').count(), number);
    }
    await exercise.getByRole('button', { name: /^hint/ }).waitFor({ state: 'detached' });
    await exercise.getByRole('button', { name: 'solution' }).click();
    await exercise.locator('.solution pre').first().waitFor();
  });

  test('an exercise is done for one, and reset', async () => {
    const exercise = ada.exercise('one-second');
    await exercise.getByRole('button', { name: 'do it for me' }).click();
    await exercise.locator('.action').waitFor();
    await ada.passes('one-second');
    await exercise.getByText('shown', { exact: true }).waitFor();
    await exercise.locator('.action').waitFor({ state: 'detached', timeout: soonMs });
    await exercise.getByRole('button', { name: 'reset' }).click();
    await confirm(page, 'Reset');
    await page.locator('[data-exercise=one-second][data-passed=false]').waitFor({ timeout: soonMs });
    await exercise.locator('.action').waitFor({ state: 'detached', timeout: soonMs });
    await ada.type('learner', 'clear; grep -c timeout: proxy.yaml; ls ~/kept | head -3');
    await ada.sees('learner', /^\s*0/);
  });

  test('the instructor extends and catches up several at once', async () => {
    const bob = new LearnerAtWork(await open());
    await bob.join(at(server.learnerUrl), 'Bob');
    await bob.open('2.1');
    await teacher.locator('tr[data-learner]').nth(1).waitFor();
    await teacher.getByLabel('Choose all learners').check();
    await teacher.getByText('2 chosen').waitFor();
    const all = teacher.locator('.map-bar');
    const extended = Promise.all([1, 2].map(() => teacher.waitForResponse(/\/extend$/)));
    await all.getByRole('button', { name: 'extend' }).click();
    for (const response of await extended) assert.ok(response.ok());
    await all.getByRole('status').filter({ hasText: 'extended: 2 of 2' }).waitFor();
    await teacher
      .locator('td.sandbox.ready', { hasText: /running, (1 h 5\d min|2 h)/ })
      .nth(1)
      .waitFor();
    await all.getByLabel('Catch up 2 learners to a lesson').selectOption('2.3');
    await confirm(teacher, 'catch up');
    for (const learner of [bob, ada]) await caughtUp(learner.page.locator('article[data-lesson="2.3"]'));
    assert.equal(await teacher.locator('.bars .bar').count(), 0);
  });

  test('the instructor sets up the class, is told of a mistake, and makes a new code', async () => {
    await teacher.getByRole('button', { name: 'set up the class' }).click();
    await teacher.getByLabel('Learners expected').fill('12');
    await teacher.getByLabel('Start').fill('2020-01-01T10:00');
    await teacher.getByLabel('Delete everything on').fill('2020-01-02T10:00');
    await teacher.getByRole('button', { name: 'Save' }).click();
    await teacher.getByText('The date of the deletion has passed.').waitFor();
    await teacher.getByLabel('Start').fill('');
    await teacher.getByLabel('Delete everything on').fill('');
    await teacher.getByRole('button', { name: 'Save' }).click();
    await teacher.locator('.class-form').waitFor({ state: 'detached' });
    await teacher.getByRole('button', { name: 'set up the class' }).click();
    assert.equal(await teacher.getByLabel('Learners expected').inputValue(), '12');
    const before = await teacher.locator('.join-code b').textContent();
    await teacher.getByRole('button', { name: 'Make a new code' }).click();
    const question = teacher.getByRole('dialog', { name: 'Make a new code?' });
    await question.getByRole('button', { name: 'Make a new code' }).click();
    await teacher.waitForFunction(old => document.querySelector('.join-code b')?.textContent !== old, before);
    await teacher.getByRole('button', { name: 'End now' }).click();
    await teacher.getByText(/learners are removed now.*cannot be taken back/).waitFor();
    await teacher.getByRole('button', { name: 'Cancel' }).click();
    await teacher.getByRole('button', { name: 'Close' }).click();
  });

  /** The lesson is open there, and what was done to get there is over. */
  async function caughtUp(lesson: Locator): Promise<void> {
    await lesson.waitFor({ timeout: soonMs });
    await lesson.locator('.action').waitFor({ state: 'detached', timeout: soonMs });
    const view = lesson.page().locator('.terminal-view:visible .xterm-screen').first();
    await view.waitFor();
  }

  test('no page logged an error', () => {
    assert.deepEqual(
      errors
        .flat()
        .filter(text => !/Failed to load resource|Cross-Origin-Opener-Policy header has been ignored/.test(text)),
      [],
    );
  });
});
