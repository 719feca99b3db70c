/** What the server's image is built from: of the packages only those that the server loads. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BuildContext, contextOf, type Entry } from './context.ts';
import { type Architecture, nodeFor } from './programs.ts';

const top = resolve(import.meta.dirname, '../..');

/** Packages that the server's sources import and that are not bundled (`imports` in package.json); Docker's client is for machines. */
export const serverPackages = [
  '@fastify/static',
  'ajv',
  'fastify',
  'markdown-it',
  'openid-client',
  'pg',
  'tar-stream',
  'ws',
  'yaml',
];
const folders = ['server', 'images/agent/protocol', 'web/dist', 'labs'];
// The lock file is part of what the kept workshop is known by.
const files = ['package.json', 'package-lock.json'];
const left = /\.test\.ts$|^server\/setup\/|\.d\.ts$|\.map$/;

interface Locked {
  dependencies?: Record<string, string>;
}

/** The folders of these packages and of all that they need, by a lock file's `packages`. */
export function packageFolders(locked: Record<string, Locked>, names: string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    const path = nearest(locked, name, from);
    if (path === undefined) throw new Error(`package-lock.json has no ${name}`);
    if (found.has(path)) return;
    found.add(path);
    for (const needed of Object.keys(locked[path]?.dependencies ?? {})) visit(needed, path);
  };
  for (const name of names) visit(name, '');
  return [...found];
}

/** As Node looks for a package: beside, then further up. */
function nearest(locked: Record<string, Locked>, name: string, from: string): string | undefined {
  const path = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  if (path in locked || from === '') return path in locked ? path : undefined;
  return nearest(locked, name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))).replace(/\/$/, ''));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(join(top, folder), { withFileTypes: true, recursive: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name).slice(top.length + 1));
}

/** The context of the server's image. @throws where pages or bundles are not built */
export async function serverContext(architecture: Architecture): Promise<BuildContext> {
  for (const made of ['web/dist/index.html', 'server/dist/kubernetes.mjs'])
    if (!existsSync(join(top, made))) throw new Error(`not built: ${made}; npm start builds it`);
  const { packages } = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const own = (await Promise.all(folders.map(filesBelow))).flat();
  const theirs = (await Promise.all(packageFolders(packages, serverPackages).map(filesOfPackage))).flat();
  const app = [...files, ...own, ...theirs].filter(path => !left.test(path)).sort();
  return contextOf(
    new Map<string, Entry>([
      ['Dockerfile', { path: join(top, 'images/server/Dockerfile') }],
      ['node', { path: await nodeFor(architecture) }],
      ...app.map((path): [string, Entry] => [`app/${path}`, { path: join(top, path) }]),
    ]),
  );
}

/** Without packages inside of it: those it needs are in the list themselves. */
async function filesOfPackage(folder: string): Promise<string[]> {
  const all = await filesBelow(folder);
  return all.filter(path => !path.slice(folder.length).includes('/node_modules/'));
}
