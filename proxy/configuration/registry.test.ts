import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { registry } from './registry.ts';

/** The row of README's table that names them. */
const rows = { listener: 'listener filters', network: 'network filters', http: 'HTTP filters' };

test('README names the filters that there are', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const types = [...registry].map(({ typeName }) => typeName);
  for (const [kind, row] of Object.entries(rows)) {
    const name = new RegExp(`^envoy\\.extensions\\.filters\\.${kind}\\.(\\w+)\\.v3\\.`);
    const known = new Set(types.flatMap(type => name.exec(type)?.[1] ?? []));
    const named = new RegExp(`^\\| ${row} \\| (.*) \\|$`, 'm').exec(readme)?.[1]?.split(', ');
    assert.deepEqual(named, [...known].sort(), row);
  }
});
