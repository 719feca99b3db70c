/**
 * What only containers have. Some attacks start from the learner's place, others from the container's own user: who has got out of the learner's world
 * and out of the box must still be no more than a user without rights in a container without network.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectTo } from '../../server/docker/connection.ts';
import { findEndpoint } from '../../server/docker/endpoint.ts';
import { containerName } from '../../server/providers/docker/container.ts';
import { ownerOf } from '../../server/providers/owner.ts';
import { inContainer } from './outside-docker.ts';
import { limits, place } from './sandbox.ts';

const the = await place();
const learner = await the.first();
const docker = connectTo(findEndpoint());
const owner = await ownerOf(the.data);
const container = learner ? containerName(owner, learner.sandbox.id) : '';
const asUser = (script: string) => inContainer(docker, container, script);

const metadata = 'curl -s -m 2 http://169.254.169.254/latest/meta-data/';
const unreached: Record<string, string> = {
  "the Docker daemon's socket": 'ls /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock',
  "the cloud's metadata": metadata,
  "the cloud's metadata by IPv6": 'curl -s -m 2 "http://[fd00:ec2::254]/"',
  "Docker's bridge": 'curl -s -m 2 http://172.17.0.1/',
  "the daemon's machine by name": 'curl -s -m 2 http://host.docker.internal/',
  'any name': 'getent hosts deb.debian.org',
};
for (const [what, script] of Object.entries(unreached))
  test(`not reached, by the learner or the container's user: ${what}`, async context => {
    if (!the.needs(context, 'sandboxes')) return;
    const { exitStatus, standardOutput } = await learner.run(script);
    assert.notEqual(exitStatus, 0, standardOutput);
    const { status, said } = await asUser(script);
    assert.notEqual(status, 0, said);
    assert.doesNotMatch(said, /command not found/);
  });

test("the container's user has two capabilities to give to newuidmap and newgidmap, and none itself", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const { said } = await asUser("id -u; id -G; grep -E '^(Cap|Seccomp:)' /proc/self/status | tr -s '\\t ' ' '");
  assert.match(said, /^1000\n1000\n/);
  for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) assert.match(said, new RegExp(`Cap${set}: 0+$`, 'm'));
  assert.match(said, /CapBnd: 0{14}c0$/m);
  assert.match(said, /^Seccomp: 2$/m);
});

test('nothing in the image gives rights by being run, but for the two', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  assert.equal((await asUser('find / -xdev -perm /6000 -type f 2> /dev/null')).said, '');
  const { said } = await asUser('getcap -r / 2> /dev/null | sort');
  assert.equal(said, '/usr/bin/newgidmap cap_setgid=ep\n/usr/bin/newuidmap cap_setuid=ep');
});

test("ids are mapped from the container's own range alone: never root's, never another user's", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  for (const map of ['0 0 1', '0 1 1', '0 999 1', '0 10000 4096', '0 65534 1']) {
    const { status, said } = await asUser(
      `sleep 9 & unshare --user sleep 9 & pid=$!; sleep 0.2; newuidmap $pid ${map}`,
    );
    assert.notEqual(status, 0, `${map}: ${said}`);
  }
});

const refused: Record<string, string> = {
  'writing to the image': 'echo x > /usr/bin/x || echo x > /etc/x || echo x > /opt/box/entry',
  'the core pattern': 'echo "|/tmp/x" > /proc/sys/kernel/core_pattern',
  'the core pattern as root of a user namespace': 'unshare -Ur sh -c "echo x > /proc/sys/kernel/core_pattern"',
  'the kernel switches': 'echo b > /proc/sysrq-trigger',
  'memory of the machine': 'head -c 1 /proc/kcore || head -c 1 /dev/mem',
  'settings of devices': 'find /sys -xdev -writable -type f 2> /dev/null | grep .',
  'control groups': 'echo max > /sys/fs/cgroup/memory.max || echo 1 > /sys/fs/cgroup/memory/memory.limit_in_bytes',
  'the release agent':
    'echo /tmp/x > /sys/fs/cgroup/release_agent || unshare -UrmC sh -c "mount -t cgroup -o memory c /mnt && echo x > /mnt/release_agent"',
  'a disk as a device': 'mknod /tmp/sda b 8 0 || unshare -Ur mknod /tmp/sda b 8 0',
  mounting: 'mount -t tmpfs t /mnt',
  'mounting a disk as root of a user namespace':
    'unshare -Urm mount /dev/vda /mnt || unshare -Urm mount /dev/sda1 /mnt',
  'being root by su': 'su -c id < /dev/null',
  'being root by setpriv': 'setpriv --reuid 0 id',
  'the kernel log': 'dmesg',
  'loading modules': 'unshare -Ur sh -c "insmod /tmp/x.ko" || perl -e "exit(syscall(175,0,0,0) < 0)"',
};
for (const [what, script] of Object.entries(refused))
  test(`refused to the container's user: ${what}`, async context => {
    if (!the.needs(context, 'sandboxes')) return;
    const { status, said } = await asUser(script);
    assert.notEqual(status, 0, said);
  });

test("there is a loopback in the container and nothing else, and its processes are the sandbox's alone", async context => {
  if (!the.needs(context, 'two')) return;
  const neighbour = await the.join();
  assert.equal((await asUser("awk -F: 'NR>2 {print $1}' /proc/net/dev | tr -d ' '")).said, 'lo');
  const { said } = await asUser("cat /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n'");
  assert.match(said, new RegExp(learner.sandbox.id));
  assert.doesNotMatch(said, new RegExp(neighbour.sandbox.id));
  await neighbour.sandbox.end();
});

test('the daemon holds the container as it was asked to', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const { HostConfig, Config, Mounts } = await docker.getContainer(container).inspect();
  assert.deepEqual([HostConfig.Privileged, HostConfig.ReadonlyRootfs, HostConfig.NetworkMode], [false, true, 'none']);
  assert.deepEqual([HostConfig.Binds ?? [], HostConfig.Devices ?? []], [[], []]);
  assert.deepEqual(
    Mounts.map(({ Type }) => Type),
    ['volume'],
  );
  assert.equal(Config.User, '1000:1000');
  assert.equal(HostConfig.MemorySwap, HostConfig.Memory);
  assert.ok((HostConfig.PidsLimit ?? 0) >= limits.processes);
});

test('who fills what the container itself can write fills megabytes, not the disk', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const { said } = await asUser(
    'for f in /tmp /run/unicorn /dev/shm; do head -c 300M /dev/zero > $f/fill; stat -c %s $f/fill; rm -f $f/fill; done',
  );
  const sizes = [...said.matchAll(/^\d+$/gm)].map(([size]) => Number(size));
  assert.equal(sizes.length, 3);
  for (const size of sizes) assert.ok(size <= 64 << 20, `${size}`);
  await learner.isWell();
});
