/** Connections that the firewall redirects, ours beside the real Envoy, in a network namespace of their own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { top } from '../lint/files.ts';
import { envoyIsMissing } from './subject.ts';

const run = promisify(execFile);
const namespace = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

/** Whether this machine lets us redirect connections in a namespace. */
async function whyNot(): Promise<string | false> {
  const attempt =
    'iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 1 && ip6tables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 1';
  try {
    await run('unshare', [...namespace, 'sh', '-c', attempt]);
    return false;
  } catch (error) {
    return `no connection can be redirected here: ${(error as Error).message.trim()}`;
  }
}

describe('redirected connections', { skip: envoyIsMissing || (await whyNot()) }, () => {
  it('go where they were meant to', { timeout: 60_000 }, async () => {
    const player = join(top, 'test/conformance/play-redirects.ts');
    const script = 'ip link set lo up && exec "$0" "$1"';
    const { stdout } = await run('unshare', [...namespace, 'sh', '-c', script, process.execPath, player]);
    const { theirs, own } = JSON.parse(stdout) as Record<'theirs' | 'own', [string, unknown][]>;
    assert.equal(theirs.length, 9);
    assert.deepEqual(own, theirs);
  });
});
