import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LearnerRow } from '../api.ts';
import { aloneReplicas } from '../replicas/replicas.ts';
import type { ReplicaStore } from '../store/replica-store.ts';
import { ClassRows } from './class-rows.ts';

function rowsOf(others: Map<string, LearnerRow>, own: string) {
  const shown: string[] = [];
  const store = {
    rows: async (ids?: string[]) => [...others.values()].filter(({ id }) => ids?.includes(id) ?? true),
  } as ReplicaStore;
  const replicas = { ...aloneReplicas('a'), alone: false, owns: (id: string) => id === own };
  const show = ({ id, online }: LearnerRow) => shown.push(`${id} ${online ? 'here' : 'away'}`);
  return { rows: new ClassRows({ replicas, store, show }), shown };
}

const row = (id: string, online: boolean) => ({ id, online }) as LearnerRow;

test('rows of other servers are shown as they tell them; of those who have no session anywhere nobody is there', async () => {
  const others = new Map([row('ada', true), row('bob', true), row('own', true)].map(one => [one.id, one]));
  const { rows, shown } = rowsOf(others, 'own');
  await rows.read();
  assert.deepEqual(shown.splice(0), ['ada here', 'bob here']);
  others.set('bob', row('bob', false));
  await Promise.all([rows.read(['bob']), rows.read(['bob'])]);
  assert.equal(shown.splice(0).at(-1), 'bob away');
  rows.held(new Set(['own']));
  assert.deepEqual(shown.splice(0), ['ada away']);
  rows.held(new Set(['own']));
  assert.deepEqual(shown, [], 'told once');
});
