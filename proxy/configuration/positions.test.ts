import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Path } from './errors.ts';
import { loadConfiguration } from './load.ts';
import { findPositions } from './positions.ts';
import { ResourceLoader } from './resource-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'positions-'));
const path = join(folder, 'config.yaml');
const loader = new ResourceLoader();
after(() => {
  loader.close();
  rmSync(folder, { recursive: true });
});

const text = `static_resources:
  clusters:
  - &one
    name: one
    connectTimeout: 1s
    lb_policy: RANDOM
  - <<: *one
    name: two
  - { name: three,
      load_assignment: { cluster_name: three } }
`;
const digest = (() => {
  writeFileSync(path, text);
  return loadConfiguration({ path }).digest;
})();
const clusters: Path = ['static_resources', 'clusters'];
const find = (...paths: Path[]) => findPositions({ configuration: { path }, digest, paths });
const linesOf = (...paths: Path[]) => find(...paths).map(found => found && [found.line, found.column]);

test('parts are found by their paths, in either spelling of a field', () => {
  assert.deepEqual(find([...clusters, 0, 'connect_timeout']), [
    { file: path, line: 5, column: 5, text: 'connectTimeout: 1s' },
  ]);
  assert.deepEqual(linesOf([...clusters, 2], [...clusters, 2, 'load_assignment', 'cluster_name']), [
    [9, 5],
    [10, 26],
  ]);
});

test('what is taken over from another mapping stands there', () => {
  assert.deepEqual(linesOf([...clusters, 1, 'name'], [...clusters, 1, 'lb_policy']), [
    [8, 5],
    [6, 5],
  ]);
});

test('what is not written is said by the nearest part around it, if there is any', () => {
  assert.deepEqual(linesOf([...clusters, 0, 'load_assignment', 'endpoints'], ['admin', 'address']), [
    [4, 5],
    undefined,
  ]);
});

test('of two sources, lists follow one another, and the last one says what both say', () => {
  const yaml = 'node: {id: a}\nstatic_resources:\n  clusters: [{name: four}]\n';
  const found = findPositions({
    configuration: { path, yaml },
    digest,
    paths: [
      ['node', 'id'],
      [...clusters, 3, 'name'],
      [...clusters, 0, 'name'],
    ],
  });
  assert.deepEqual(
    found.map(one => one && [one.file, one.line]),
    [
      ['--config-yaml', 1],
      ['--config-yaml', 3],
      [path, 4],
    ],
  );
});

test('a process of its own finds them', async () => {
  const request = { configuration: { path }, digest, paths: [[...clusters, 1]] };
  assert.deepEqual(await loader.positions(request), [{ file: path, line: 7, column: 5, text: '- <<: *one' }]);
});

test('nothing is found in a file that has changed', async () => {
  writeFileSync(path, `# another\n${text}`);
  await assert.rejects(
    loader.positions({ configuration: { path }, digest, paths: [] }),
    /has changed since it was loaded/,
  );
});
