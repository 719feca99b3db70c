import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { packageFolders, serverPackages } from './server-context.ts';

const top = resolve(import.meta.dirname, '../..');

test('a package is found beside who needs it first, then above', () => {
  const locked = {
    'node_modules/a': { dependencies: { b: '1', c: '1' } },
    'node_modules/a/node_modules/b': { dependencies: { '@s/d': '1' } },
    'node_modules/b': {},
    'node_modules/c': { dependencies: { b: '2', a: '1' } },
    'node_modules/@s/d': {},
  };
  assert.deepEqual(packageFolders(locked, ['a']).sort(), [
    'node_modules/@s/d',
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/b',
    'node_modules/c',
  ]);
  assert.throws(() => packageFolders(locked, ['e']), /has no e/);
});

test('every package that the server loads in a cluster is in its image', () => {
  const sources = readdirSync(join(top, 'server'), { recursive: true, encoding: 'utf8' })
    .filter(path => /\.ts$/.test(path) && !/\.test\.ts$|^(dist|setup|docker|providers\/(docker|local))\//.test(path))
    // The program that builds images, and labs test, are for machines.
    .filter(path => !/^images\/(main|base|build)\.ts$/.test(path));
  const imported = sources.flatMap(path => {
    const source = readFileSync(join(top, 'server', path), 'utf8');
    const found = source.matchAll(/^import (?!type\b)[^;]*?from '([^'.#][^']*)'|\bimport\('([^'.#][^']*)'\)/gm);
    return [...found].map(match => match[1] ?? match[2] ?? '');
  });
  const packages = imported
    .filter(name => !name.startsWith('node:'))
    .map(name =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  assert.deepEqual([...new Set(packages)].sort(), serverPackages.toSorted());
});
