import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostAt } from '../../test/fixtures/upstream-host.ts';
import type { Host } from '../cluster/host.ts';
import { checkedMembers, type MembershipRules } from './membership.ts';

const rules: MembershipRules = { dynamic: true, ignoresHealthOnRemoval: false, excludesUnchecked: false };

/** A host that passed its checks. */
function proven(port: number): Host {
  const host = hostAt(port);
  host.flag('failed_active_hc', false);
  return host;
}

const told = (hosts: readonly Host[]) => hosts.map(({ port, healthFlags }) => `${port} ${healthFlags}`);

test('a new host has to pass a check first, and may not count until then', () => {
  assert.deepEqual(told(checkedMembers([], [hostAt(1)], rules)), ['1 /failed_active_hc']);
  const excluding = { ...rules, excludesUnchecked: true };
  assert.deepEqual(told(checkedMembers([], [hostAt(1)], excluding)), ['1 /failed_active_hc/pending_active_hc']);
  assert.deepEqual(told(checkedMembers([], [hostAt(1)], { ...excluding, dynamic: false })), ['1 /failed_active_hc']);
});

test('one whose checks are disabled is taken as it is', () => {
  const check = { address: '', port: 0, hostname: '', disabled: true };
  assert.deepEqual(told(checkedMembers([], [hostAt(1, { check })], rules)), ['1 healthy']);
});

test('one that is named no more stays while it is well, and comes back as what it was', () => {
  const [well, ill] = [proven(1), hostAt(2)];
  ill.flag('failed_active_hc', true);
  const without = checkedMembers([well, ill], [], rules);
  assert.deepEqual(told(without), ['1 /pending_dynamic_removal']);
  const back = checkedMembers(without, [hostAt(1, { weight: 7 })], rules);
  assert.deepEqual([told(back), back[0] === well, well.weight], [['1 healthy'], true, 7]);
  assert.deepEqual(told(checkedMembers([well], [], { ...rules, ignoresHealthOnRemoval: true })), []);
});

test('in another place it is another host', () => {
  const moved = checkedMembers([proven(1)], [hostAt(1, { zone: 'b' })], rules);
  assert.deepEqual(told(moved), ['1 /failed_active_hc', '1 /pending_dynamic_removal']);
});
