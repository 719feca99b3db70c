import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Where pictures of the pages go: the folder in UNICORN_PICTURES, or one among the temporary files. */
export const pictureFolder = process.env.UNICORN_PICTURES ?? join(tmpdir(), 'unicorn-pictures');

/** Takes a picture of the page as it stands. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(pictureFolder, { recursive: true });
  await page.screenshot({ path: join(pictureFolder, `${name}.png`), animations: 'disabled' });
}
