import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function firstLine(child: ChildProcess): Promise<[string, AsyncIterator<string>]> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return [String((await lines.next()).value), lines];
}

async function ended(child: ChildProcess): Promise<{ status: number | null; error: string }> {
  let error = '';
  child.stderr!.on('data', chunk => {
    error += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, error };
}

describe('the program httpbin', () => {
  it('says where it listens, logs a line for each request, and ends by itself when it is told to', async () => {
    const child = start('--port', '0', '--host', '127.0.0.1');
    const [line, lines] = await firstLine(child);
    const url = /^httpbin listens on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    assert.ok(url, line);
    await (await fetch(`${url}/status/404`)).text();
    assert.match((await lines.next()).value, /^\d\d:\d\d:\d\d\.\d{3} GET \/status\/404 404 \d+ ms$/);
    child.kill('SIGINT');
    assert.equal((await ended(child)).status, 0);
  });

  it('logs JSON with its name', async () => {
    const child = start('--port', '0', '--host', '127.0.0.1', '--name', 'v2', '--log', 'json');
    const [line, lines] = await firstLine(child);
    await (await fetch(`${line.replace('v2 listens on ', '')}/get`)).text();
    const entry = JSON.parse((await lines.next()).value);
    assert.deepEqual([entry.upstream, entry.method, entry.path, entry.status], ['v2', 'GET', '/get', 200]);
    child.kill('SIGTERM');
    assert.equal((await ended(child)).status, 0);
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { status, error } = await ended(start('--port', String(port), '--host', '127.0.0.1'));
    other.close();
    assert.equal(status, 1);
    assert.match(error, new RegExp(`port ${port} on 127.0.0.1 is taken`));
  });

  for (const args of [['--port', 'x'], ['--log', 'xml'], ['--nothing'], ['stray']]) {
    it(`refuses ${args.join(' ')} and shows how it is used`, async () => {
      const { status, error } = await ended(start(...args));
      assert.equal(status, 2);
      assert.match(error, /^httpbin: .*\n\nhttpbin answers/);
    });
  }
});
