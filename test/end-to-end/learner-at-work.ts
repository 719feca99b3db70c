import type { Locator, Page } from 'playwright-core';

const soonMs = 30_000;

/** What a learner does on the page, by name. */
export class LearnerAtWork {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Joins by a link, with a name. */
  async join(url: string, name: string): Promise<void> {
    await this.page.goto(url);
    await this.page.locator('input[name=name]').fill(name);
    await this.page.getByRole('button', { name: 'Join', exact: true }).click();
    await this.lesson();
  }

  /** The lesson is there, and so is the sandbox: a prompt stands in the terminal. */
  async lesson(): Promise<void> {
    await this.page.locator('article.lesson').waitFor();
    const got = this.page.getByRole('button', { name: 'Got it' });
    if (await got.isVisible()) await got.click();
    await this.page.locator('.xterm-rows', { hasText: '$' }).first().waitFor({ timeout: soonMs });
  }

  /** Opens a lesson by its address. */
  async open(lesson: string): Promise<void> {
    await this.page.goto(new URL(`/lessons/${lesson}`, this.page.url()).href);
    await this.page.locator(`article[data-lesson="${lesson}"]`).waitFor();
    await this.lesson();
  }

  async next(): Promise<void> {
    const at = await this.page.locator('article.lesson').getAttribute('data-lesson');
    await this.page.locator('.way.next').click();
    await this.page.locator(`article.lesson:not([data-lesson="${at}"])`).waitFor();
  }

  /** Clicks 'run' on the lesson's (first, or given) command that reads so. */
  async run(command: string, index = 0): Promise<void> {
    const block = this.page.locator('.command').filter({ has: this.page.getByText(command, { exact: true }) });
    await block.nth(index).getByRole('button', { name: 'run', exact: true }).click();
    await block.nth(index).locator('.typed').waitFor({ timeout: soonMs });
  }

  /** Turns to a terminal. */
  async show(terminal: string): Promise<Locator> {
    await this.page.locator(`[role=tab][id$="terminal:${terminal}"]`).click();
    const view = this.page.locator(`.terminal-view[data-terminal="${terminal}"]`);
    await view.waitFor();
    return view;
  }

  /** Types a line into a terminal. */
  async type(terminal: string, line: string): Promise<void> {
    const view = await this.show(terminal);
    await view.locator('.xterm-screen').click();
    await this.page.keyboard.type(`${line}\n`);
  }

  /** Presses Ctrl-C in a terminal, and waits for the prompt. */
  async interrupt(terminal: string): Promise<void> {
    const view = await this.show(terminal);
    await view.locator('.xterm-screen').click();
    await this.page.keyboard.press('Control+c');
    await this.page.locator('.tab[aria-selected=true]:not(:has(.busy))', { hasText: terminal }).waitFor();
  }

  /** Waits, in the terminal "learner", until the proxy that was just started answers. */
  async proxyAnswers(): Promise<void> {
    await this.type(
      'learner',
      'clear; until curl -so /dev/null localhost:9901/ready; do sleep 0.1; done; echo it is $((1 + 0))st',
    );
    await this.sees('learner', 'it is 1st');
  }

  /** Waits until a terminal shows that text. */
  async sees(terminal: string, text: string | RegExp): Promise<void> {
    const view = await this.show(terminal);
    await view.locator('.xterm-rows').filter({ hasText: text }).waitFor({ timeout: soonMs });
  }

  /** Puts that text into the file, in the editor, and saves it. */
  async write(file: string, content: string): Promise<void> {
    await this.page.locator(`[role=tab][id$="file:${file}"]`).click();
    const editor = this.page.locator(`.editor[data-file="${file}"]`);
    await editor.locator('.cm-content').click();
    await this.page.keyboard.press('Control+a');
    await this.page.keyboard.insertText(content);
    await this.page.keyboard.press('Control+s');
    await editor.getByText('saved', { exact: true }).waitFor();
  }

  exercise(id: string): Locator {
    return this.page.locator(`.exercise[data-exercise="${id}"]`);
  }

  /** Chooses an answer of a quiz. */
  async choose(exercise: string, answer: string): Promise<void> {
    await this.exercise(exercise).locator(`input[value="${answer}"]`).check();
    await this.exercise(exercise).getByRole('button', { name: 'Answer' }).click();
  }

  async answer(exercise: string, text: string): Promise<void> {
    await this.exercise(exercise).locator('.question input').fill(text);
    await this.exercise(exercise).getByRole('button', { name: 'Answer' }).click();
  }

  /** Waits until an exercise is passed, by itself. */
  async passes(exercise: string): Promise<void> {
    const passed = this.page.locator(`.exercise[data-exercise="${exercise}"][data-passed=true]`);
    try {
      await passed.waitFor({ timeout: soonMs });
    } catch (cause) {
      throw new Error(`${exercise} did not pass: ${await this.exercise(exercise).locator('.checks').innerText()}`, {
        cause,
      });
    }
  }
}
