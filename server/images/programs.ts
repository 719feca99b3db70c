/** The programs that go into an image: bundles are the same everywhere, node and koffi come for the image's system. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { learnerPrograms } from '../setup/bundle.mjs';

export type Architecture = 'x64' | 'arm64';

const top = resolve(import.meta.dirname, '../..');
/** What is fetched or made for images is kept here. */
export const imageCache = join(top, 'node_modules/.cache/images');
const run = promisify(execFile);

/** Files of an image by their names there. */
export async function imagePrograms(architecture: Architecture): Promise<Record<string, string>> {
  const bundles = ['agent', 'box', ...learnerPrograms].map(name => [
    `${name}.cjs`,
    join(top, 'images/dist', `${name}.cjs`),
  ]);
  const proxy = ['proxy', 'proxy-cel', 'proxy-loader'].map(name => [
    `${name}.cjs`,
    join(top, 'proxy/dist', `${name}.cjs`),
  ]);
  return {
    ...Object.fromEntries([...bundles, ...proxy]),
    node: await nodeFor(architecture),
    'koffi.node': await koffiFor(architecture),
  };
}

const isOurs = (architecture: Architecture): boolean => process.platform === 'linux' && process.arch === architecture;

/** Node for the image's system. */
export async function nodeFor(architecture: Architecture): Promise<string> {
  if (isOurs(architecture)) return join(top, 'node_modules/node/bin/node');
  const folder = await packageFolder(`node-linux-${architecture}`, versionOf('node'));
  return join(folder, 'bin/node');
}

async function koffiFor(architecture: Architecture): Promise<string> {
  const name = `@koromix/koffi-linux-${architecture}`;
  const file = `linux_${architecture}/koffi.node`;
  const installed = join(top, 'node_modules', name, file);
  return existsSync(installed) ? installed : join(await packageFolder(name, versionOf('koffi')), file);
}

function versionOf(name: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** A package for another system, fetched from the registry and unpacked once. */
async function packageFolder(name: string, version: string): Promise<string> {
  const folder = join(imageCache, `${name.replaceAll('/', '+')}-${version}`);
  if (existsSync(folder)) return join(folder, 'package');
  await mkdir(imageCache, { recursive: true });
  const fresh = await mkdtemp(join(imageCache, 'new-'));
  try {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const options = { cwd: fresh, timeout: 300_000, shell: process.platform === 'win32' };
    const { stdout } = await run(npm, ['pack', '--silent', `${name}@${version}`], options);
    await run('tar', ['-xzf', stdout.trim().split('\n').at(-1)!], { cwd: fresh });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return join(folder, 'package');
}
