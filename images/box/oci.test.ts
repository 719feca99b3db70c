import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BoxPlan, boxConfiguration, processLimits, worldConfiguration } from './oci.ts';
import { seccomp } from './seccomp.ts';

const plan: BoxPlan = {
  id: 'abcdefgh',
  base: '/mnt',
  ids: { first: 5000, nobody: 7047 },
  limits: { memoryBytes: 256 << 20, processes: 100, diskBytes: 64 << 20, cpus: 1, openFiles: 100 },
  orphanTimeoutSeconds: 60,
  rlimits: [],
};

interface Configuration {
  process: { noNewPrivileges: boolean };
  root: { readonly: boolean };
  mounts: { destination: string; source: string; options: string[] }[];
  linux: { namespaces: { type: string }[]; uidMappings: { containerID: number; hostID: number; size: number }[] };
}
const levels = { box: boxConfiguration(plan) as Configuration, world: worldConfiguration(plan) as Configuration };

for (const [name, level] of Object.entries(levels))
  test(`the ${name}: namespaces of its own, a root to read, no new privileges, nothing set-user-id`, () => {
    const kinds = level.linux.namespaces.map(({ type }) => type);
    for (const kind of ['user', 'pid', 'ipc', 'uts', 'mount', 'network']) assert.ok(kinds.includes(kind), kind);
    assert.ok(level.root.readonly && level.process.noNewPrivileges);
    for (const mount of level.mounts) assert.ok(mount.options.includes('nosuid'), mount.destination);
  });

test('the world has no id for the agent, and neither has one for a user of the machine', () => {
  assert.deepEqual(levels.world.linux.uidMappings, [{ containerID: 0, hostID: 1, size: 2045 }]);
  assert.deepEqual(levels.box.linux.uidMappings, [
    { containerID: 0, hostID: 5000, size: 2047 },
    { containerID: 65534, hostID: 7047, size: 1 },
  ]);
});

test('of the machine a box has its programs only', () => {
  const binds = levels.box.mounts.filter(({ options }) => options.includes('rbind'));
  for (const { source, options } of binds)
    if (!source.startsWith('/mnt/')) {
      assert.match(source, /^\/(usr|bin|sbin|lib|lib32|lib64|libx32)$/);
      assert.ok(options.includes('ro'), source);
    }
});

test('calls that open the kernel wide are not on the list', () => {
  const allowed = new Set(seccomp.syscalls.flatMap(rule => rule.names));
  for (const name of ['bpf', 'perf_event_open', 'io_uring_setup', 'userfaultfd', 'keyctl', 'add_key', 'init_module'])
    assert.ok(!allowed.has(name), name);
  for (const name of ['kexec_load', 'reboot', 'swapon', 'open_by_handle_at', 'clone3', 'settimeofday', 'acct'])
    assert.ok(!allowed.has(name), name);
  assert.equal(seccomp.defaultAction, 'SCMP_ACT_ERRNO');
});

test('no limit is asked for that is above what this process may have', () => {
  const ceiling = (type: string): number => (type === 'RLIMIT_NOFILE' ? 64 : Number.MAX_SAFE_INTEGER);
  const files = processLimits(plan.limits, ceiling, true).find(({ type }) => type === 'RLIMIT_NOFILE');
  assert.deepEqual(files, { type: 'RLIMIT_NOFILE', soft: 64, hard: 64 });
});
