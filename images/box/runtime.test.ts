import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareRuntime } from './runtime.ts';

test('a program comes with the bundles that it loads from beside its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-'));
  try {
    const file = (name: string): string => {
      writeFileSync(join(folder, name), '');
      return join(folder, name);
    };
    const [node, agent, koffi] = [file('node'), file('agent.cjs'), file('koffi.node')];
    for (const part of ['cel', 'loader', 'other']) file(`proxy-${part}.cjs`);
    const programs = { proxy: file('proxy.cjs'), httpbin: file('httpbin.cjs') };
    const runtime = await prepareRuntime(folder, { node, agent, koffi, programs });
    const made = readdirSync(join(runtime, 'lib')).sort();
    assert.deepEqual(made, ['httpbin.cjs', 'proxy-cel.cjs', 'proxy-loader.cjs', 'proxy.cjs']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
