import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** The browser for the tests: `UNICORN_CHROMIUM`, or the first of its names on the PATH; null where there is none. */
export function findChromium(): string | null {
  const given = process.env.UNICORN_CHROMIUM;
  if (given) return given;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why the tests cannot run here, or false. */
export const noBrowser: string | false =
  findChromium() === null ? 'no Chromium on the PATH; install it, or name it in UNICORN_CHROMIUM' : false;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium() ?? '', args: flags, timeout: 30_000 });
}

export interface Look {
  width?: number;
  height?: number;
  theme?: 'light' | 'dark';
  motion?: 'reduce' | 'no-preference';
}

/** A page in a browser profile of its own. What the page logs as an error is kept, since no test should leave one. */
export async function openPage(
  browser: Browser,
  look: Look = {},
): Promise<{ page: Page; context: BrowserContext; errors: string[] }> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.theme ?? 'light',
    reducedMotion: look.motion ?? 'no-preference',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(error.stack ?? error.message));
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().includes('WebSocket connection')) errors.push(message.text());
  });
  return { page, context, errors };
}
