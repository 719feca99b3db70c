import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualProvider } from '../choose.ts';
import { idFinding, limitFinding, otherSystem, trialFinding } from './doctor.ts';
import { packageNames } from './packages.ts';

test('other systems are told what to do, Linux is not', () => {
  assert.equal(otherSystem('linux'), undefined);
  assert.match(otherSystem('darwin')?.remedy ?? '', /Docker|Lima/);
  assert.match(otherSystem('win32')?.remedy ?? '', /wsl/);
});

test('where sandboxes of the machine itself can never be, Docker is the usual kind', async () => {
  for (const platform of ['darwin', 'win32'] as const) assert.equal(await usualProvider(platform), 'docker');
});

test('no range of ids is a problem with a line that mends it', () => {
  assert.equal(idFinding(3).state, 'works');
  const missing = idFinding(0);
  assert.equal(missing.state, 'missing');
  assert.match(missing.remedy ?? '', /usermod --add-subuids \d+-\d+ --add-subgids \d+-\d+/);
});

test('without limits one learner, and why', () => {
  const finding = limitFinding({ kind: 'none', detail: 'this machine has no cgroups' });
  assert.equal(finding.state, 'limited');
  assert.match(finding.detail, /one learner only: this machine has no cgroups/);
  assert.ok(finding.remedy);
});

test('a trial that fails says what was said, and never counts as working', () => {
  const finding = trialFinding({ works: false, said: 'unshare: unshare failed: Operation not permitted', ms: 5 });
  assert.equal(finding.state, 'missing');
  assert.match(finding.detail, /Operation not permitted/);
  assert.ok(finding.remedy);
  const late = trialFinding({ works: false, said: 'the sandbox did not start: it did not end in time', ms: 40_000 });
  assert.match(late.remedy ?? '', /slow or very busy/);
  assert.equal(trialFinding({ works: true, said: '', ms: 5 }).state, 'works');
});

test('packages are named as each system names them, once', () => {
  const programs = ['crun', 'newuidmap', 'newgidmap', 'ip'];
  assert.deepEqual([...packageNames(programs, 'apt-get')], ['crun', 'uidmap', 'iproute2']);
  assert.deepEqual([...packageNames(programs, 'dnf')], ['crun', 'shadow-utils', 'iproute']);
});
