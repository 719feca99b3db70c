import { equal, match } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';

const limits = (number: number | string): string =>
  `domain: shop\ndescriptors:\n  - key: user\n    rate_limit: { unit: minute, requests_per_unit: ${number} }\n`;

describe('the program rate-limit', () => {
  let folder = '';
  const file = () => join(folder, 'limits.yaml');
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rate-limit-'));
    writeFileSync(file(), limits(5));
  });
  after(() => rmSync(folder, { recursive: true }));

  function start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
  const linesOf = (stream: NodeJS.ReadableStream) => {
    const lines = createInterface({ input: stream })[Symbol.asyncIterator]();
    return async () => String((await lines.next()).value);
  };
  async function ended(child: ChildProcess): Promise<{ status: number | null; output: string }> {
    let output = '';
    child.stdout!.on('data', chunk => (output += chunk));
    child.stderr!.on('data', chunk => (output += chunk));
    const [status] = await once(child, 'close');
    return { status, output };
  }

  it('takes a file that changed, keeps the limits before one that is wrong, and ends when it is told to', async () => {
    const child = start('-c', file(), '--port', '0', '--host', '127.0.0.1');
    const told = linesOf(child.stdout!);
    const complained = linesOf(child.stderr!);
    match(await told(), /^rate-limit listens on 127\.0\.0\.1:\d+ by gRPC, with the limits of .*limits\.yaml$/);
    writeFileSync(file(), limits('many'));
    match(
      await complained(),
      /limits\.yaml:4:\d+: descriptors\[0\]\.rate_limit\.requests_per_unit: .* a number, such as 5; the limits before stay$/,
    );
    // as editors do
    writeFileSync(`${file()}~`, limits(6));
    renameSync(`${file()}~`, file());
    match(await told(), /limits\.yaml changed: its limits hold from now on$/);
    child.kill('SIGINT');
    const [status] = await once(child, 'close');
    equal(status, 0);
  });

  it('does not start with a file that is not there or wrong, and says where', async () => {
    const missing = await ended(start('-c', join(folder, 'other.yaml')));
    equal(missing.status, 2);
    match(missing.output, /^rate-limit: .*other\.yaml: there is no such file\n$/);
    writeFileSync(join(folder, 'wrong.yaml'), 'domain: shop\nlimits: []\n');
    const wrong = await ended(start('-c', join(folder, 'wrong.yaml')));
    equal(wrong.status, 2);
    match(
      wrong.output,
      /^rate-limit: .*wrong\.yaml:2:9: limits: limits is not known here; known are domain, descriptors\n$/,
    );
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    writeFileSync(file(), limits(5));
    const { status, output } = await ended(start('-c', file(), '--port', String(port), '--host', '127.0.0.1'));
    other.close();
    equal(status, 1);
    match(output, new RegExp(`port ${port} on 127.0.0.1 is taken`));
  });

  it('tells how it is used', async () => {
    const { status, output } = await ended(start('--help'));
    equal(status, 0);
    match(output, /^rate-limit tells proxies .*rate-limit -c FILE/s);
  });

  for (const args of [[], ['-c', 'a', '--port', 'x'], ['-c', 'a', '--windows', 'open'], ['--nothing'], ['stray']]) {
    it(`refuses "${args.join(' ')}" and shows how it is used`, async () => {
      const { status, output } = await ended(start(...args));
      equal(status, 2);
      match(output, /^rate-limit: .*\n\nrate-limit tells/);
    });
  }
});
