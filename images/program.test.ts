import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { portOf } from './program.ts';

/** What each program needs beside a host and a port, in a folder that has `limits.yaml`. */
const programs: [string, (folder: string) => string[]][] = [
  ['greeter', () => []],
  ['httpbin', () => []],
  ['rate-limit', folder => ['-c', join(folder, 'limits.yaml')]],
  ['traces', () => []],
  ['xds-server', folder => [folder]],
];

async function outcome(program: string, args: string[]): Promise<{ status: number; error: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program, 'main.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let error = '';
  child.stderr.on('data', chunk => {
    error += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, error };
}

describe('a program of the sandbox', { timeout: 120_000 }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'program-'));
    writeFileSync(join(folder, 'limits.yaml'), 'domain: shop\ndescriptors: []\n');
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, rest] of programs) {
    it(`${name} says how it is used where its port is none`, async () => {
      const { status, error } = await outcome(name, [...rest(folder), '--port', 'x']);
      assert.equal(status, 2);
      assert.match(error, new RegExp(`^${name}: --port x: a number from 0 to 65535 is expected\n\n${name} [^]*--port`));
    });

    it(`${name} says that its port is taken, and ends`, async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const { status, error } = await outcome(name, [...rest(folder), '--host', '127.0.0.1', '--port', String(port)]);
      other.close();
      const words = `port ${port} on 127.0.0.1 is taken; is another one running? Choose a port with --port.`;
      assert.deepEqual([status, error], [1, `${name}: ${words}\n`]);
    });
  }

  it('takes the numbers that are ports', () => {
    assert.deepEqual(['0', '80', '65535'].map(portOf), [0, 80, 65535]);
    for (const text of ['', '-1', '65536', '1.5', '0x10', 'x', ' 1'])
      assert.throws(() => portOf(text), { code: 'usage' }, text);
  });
});
