import assert from 'node:assert/strict';
import { test } from 'node:test';
import { place } from './sandbox.ts';

const the = await place();
const learner = await the.first();

test('a learner has no capability, can gain none, and is filtered', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const status = await learner.said(
    "grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Groups)' /proc/self/status | tr -s '\\t ' ' '",
  );
  for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) assert.match(status, new RegExp(`Cap${set}: 0+$`, 'm'));
  assert.match(status, /^NoNewPrivs: 1$/m);
  assert.match(status, /^Seccomp: 2$/m);
  assert.match(status, /^Uid: 1000 1000 1000 1000$/m);
  assert.match(status, /^Groups: (1000)? ?$/m);
});

test("no id of the world is one of the machine's users", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const map = await learner.said('cat /proc/self/uid_map /proc/self/gid_map');
  for (const line of map.split('\n')) assert.match(line.trim(), /^0 +1 +2045$/);
  assert.match(await learner.said('stat -c %u /proc/sys/kernel/core_pattern /usr /etc | sort -u'), /^65534$/);
});

const refused: Record<string, string> = {
  'mounting a tmpfs': 'mount -t tmpfs t /tmp',
  'mounting over what is there': 'mount --bind /tmp /usr',
  'making /usr writable': 'mount -o remount,rw /usr',
  'a user namespace': 'unshare --user true',
  'a user namespace as root of it': 'unshare --user --map-root-user true',
  'a mount namespace': 'unshare --mount true',
  'the namespaces of pid 1': 'nsenter -t 1 -a true',
  chroot: 'chroot / true',
  'becoming root by su': 'su -c true < /dev/null',
  'becoming root by setpriv': 'setpriv --reuid 0 true',
  'a new host name': 'hostname other',
  'the core pattern': 'echo "|/tmp/x" > /proc/sys/kernel/core_pattern',
  'the kernel switches': 'echo b > /proc/sysrq-trigger',
  'limits of user namespaces': 'echo 9 > /proc/sys/user/max_user_namespaces',
  'the kernel log': 'dmesg',
  'more priority': 'nice -n -5 true 2>&1 | grep . && exit 1',
  'network settings': 'ip link add dummy0 type dummy',
  'packet filters': 'iptables -A OUTPUT -j DROP',
  'the limits of the sandbox': 'echo 0 > /sys/fs/cgroup/pids.max || mkdir /sys/fs/cgroup/x',
};
for (const [what, script] of Object.entries(refused))
  test(`refused: ${what}`, async context => {
    if (!the.needs(context, 'sandboxes')) return;
    const { exitStatus, standardOutput, standardError } = await learner.run(script);
    assert.notEqual(exitStatus, 0, standardOutput + standardError);
    assert.doesNotMatch(standardError, /command not found/);
  });

test('system calls that ordinary programs do not need are not there', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  if (process.arch !== 'x64') return context.skip('numbers of system calls are for x86-64');
  if ((await learner.run('perl -e 1')).exitStatus !== 0)
    return context.skip('perl, which makes the calls, is not installed');
  const calls = {
    io_uring_setup: 425,
    bpf: 321,
    perf_event_open: 298,
    keyctl: 250,
    add_key: 248,
    userfaultfd: 323,
    kexec_load: 246,
  };
  for (const [name, number] of Object.entries({ ...calls, open_by_handle_at: 304, init_module: 175, clone3: 435 })) {
    const errno = await learner.said(`perl -e 'syscall(${number}, 0, 0, 0, 0, 0); print $!+0'`);
    assert.equal(errno, '38', name);
  }
});
