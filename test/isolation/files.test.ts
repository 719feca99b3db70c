import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { place } from './sandbox.ts';

const the = await place();
const learner = await the.first();

test('files of the machine are not there, by no path', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-secret-'));
  context.after(() => rm(folder, { recursive: true }));
  const secret = join(folder, 'secret');
  await writeFile(secret, 'top secret', { mode: 0o644 });
  for (const path of [secret, `/proc/1/root${secret}`, `/proc/self/root${secret}`, join(homedir(), '.bashrc')]) {
    const { exitStatus, standardOutput } = await learner.run(`cat '${path}'`);
    assert.notEqual(exitStatus, 0, path);
    assert.equal(standardOutput, '', path);
  }
});

test('/etc is of our own making: no users of the machine, no passwords', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  assert.equal(await learner.said('cut -d: -f1 /etc/passwd | tr "\\n" " "'), 'root learner checker sidecar nobody');
  assert.notEqual((await learner.run('cat /etc/shadow')).exitStatus, 0);
  assert.equal(await learner.said('cat /etc/resolv.conf'), '');
  assert.equal(await learner.said('ls -A /root /home'), '/home:\nlearner\n\n/root:');
});

test('only the home and memory of its own can be written', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  for (const path of ['/usr/x', '/usr/bin/curl', '/etc/passwd', '/opt/unicorn/bin/proxy', '/x', '/var/x', '/run/x'])
    assert.notEqual((await learner.run(`echo x >> ${path}`)).exitStatus, 0, path);
  const writable = await learner.said(
    'find / -xdev -type d -writable 2>/dev/null; for m in $(cut -d" " -f5 /proc/self/mountinfo); do [ -d $m ] && [ -w $m ] && echo $m; done | sort',
  );
  assert.deepEqual([...new Set(writable.split('\n'))].sort(), ['/dev/shm', '/home/learner', '/tmp']);
});

test('nothing that gives rights by being run: no set-user-id, no devices', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const options = await learner.said("awk '$5 !~ /^.(proc|sys|dev)/ {print $5, $6}' /proc/self/mountinfo");
  for (const line of options.split('\n')) assert.match(line, /nosuid/, line);
  assert.notEqual((await learner.run('mknod ~/sda b 8 0')).exitStatus, 0);
  assert.notEqual((await learner.run('cp /bin/sh ~/sh && chmod u+s ~/sh && mknod /tmp/mem c 1 1')).exitStatus, 0);
});

test("a neighbour's home and /tmp are another's", async context => {
  if (!the.needs(context, 'two')) return;
  const neighbour = await the.join();
  await neighbour.said('echo mine > ~/mine; echo mine > /tmp/mine');
  assert.notEqual((await learner.run('cat ~/mine')).exitStatus, 0);
  assert.notEqual((await learner.run('cat /tmp/mine')).exitStatus, 0);
});

test('links in the home that point out lead to the world, for the agent too', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  await learner.said(
    'ln -sfn / ~/root; ln -sfn /etc/shadow ~/shadow; ln -sfn /proc/1/root ~/pid1; ln -sfn /unicorn ~/box',
  );
  for (const path of ['shadow', 'root/etc/shadow', 'pid1/unicorn/world/config.json', 'box/world/config.json'])
    await assert.rejects(learner.ask('file.read', { path, maximumBytes: 4096 }), /not-found|refused|invalid/, path);
  const passwd = await learner.ask('file.read', { path: 'root/etc/passwd', maximumBytes: 4096 });
  assert.match(passwd.content, /^learner:/m);
  await assert.rejects(learner.ask('file.write', { path: 'root/etc/x', content: 'x' }), /refused|not-found|invalid/);
});
