import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, place } from './sandbox.ts';

const the = await place();
const learner = await the.first();

test("only the world's own processes are seen", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const commands = await learner.said("for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done");
  assert.doesNotMatch(commands, /agent\.cjs|box\/main|libexec|test|crun/);
  assert.ok(commands.split('\n').length < 12, commands);
});

test('the agent cannot be signalled, traced or read', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  await learner.run('kill -9 -1; for p in $(seq 1 400); do kill -9 $p; done');
  await learner.run('kill -9 1 $PPID; kill -9 0');
  assert.notEqual((await learner.run('cat /proc/1/mem /proc/1/environ /proc/1/maps')).exitStatus, 0);
  assert.notEqual((await learner.run('ls -l /proc/1/fd/ /proc/1/root/')).exitStatus, 0);
  assert.notEqual((await learner.run('timeout 2 strace -p 1')).exitStatus, 0);
  await learner.isWell();
});

test("the agent's socket is in no place that a learner sees", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const sockets = await learner.said(
    "find / -xdev -type s 2>/dev/null; find /run /tmp /dev -type s 2>/dev/null; awk 'NR>1 {print $8}' /proc/net/unix",
  );
  assert.deepEqual(
    [...new Set(sockets.split('\n').filter(Boolean))].filter(path => path !== '/run/unicorn/events.sock'),
    [],
  );
  const descriptors = await learner.said('cd /proc/self/fd && for n in *; do [ $n -gt 2 ] && readlink $n; done; :');
  assert.doesNotMatch(descriptors, /socket|cgroup/);
});

test('a neighbour is neither seen nor reached', async context => {
  if (!the.needs(context, 'two')) return;
  const neighbour = await the.join();
  const marker = `sleep 4${process.pid}`;
  const waits = neighbour.run(`${marker} & echo; wait`, 3000).catch(() => undefined);
  assert.doesNotMatch(await learner.said("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), new RegExp(marker));
  await learner.run('kill -9 -1');
  await neighbour.isWell();
  await waits;
});

test('a fork bomb stays in its sandbox, whose agent can end it', { timeout: 60_000 }, async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const others = the.report.maximumSandboxes > 1;
  const neighbour = others ? await the.join() : undefined;
  const bomber = others ? await the.join() : learner;
  const bomb = bomber.run('bomb() { bomb | bomb & }; bomb; sleep 3', 6000).catch(() => undefined);
  const started = performance.now();
  await neighbour?.isWell();
  assert.ok(performance.now() - started < 5000, 'the neighbour waited');
  const { processes } = await bomber.ask('usage', {});
  assert.ok(processes <= limits.processes, `${processes} processes`);
  await bomb;
  await bomber.ask('reset', { files: [] });
  await bomber.isWell();
  await neighbour?.isWell();
});
