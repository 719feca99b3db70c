/** What the clock does to a class, on every database. */
import assert from 'node:assert/strict';
import { testStore } from '../../test/fixtures/stores.ts';
import { createLog } from '../log.ts';
import { aloneReplicas } from '../replicas/replicas.ts';
import { PlannedClass } from './planned-class.ts';

testStore('a date that was put off elsewhere deletes nothing, also where that was not heard', async ({ store }) => {
  const deletesAtMs = Date.now() + 100;
  await store.class.setPlan({ size: null, startsAtMs: null, deletesAtMs });
  const planned = await PlannedClass.open({
    ...{ store: store.class, replicas: aloneReplicas('one'), log: createLog('error', 'text', () => {}) },
    ...{ codeName: 'classCode', code: 'code', labs: '/nowhere', revision: 'r1', newestRevision: 'r1', warm: 0 },
    maximumSandboxes: () => 1,
  });
  const later = deletesAtMs + 3_600_000;
  await store.class.setPlan({ size: null, startsAtMs: null, deletesAtMs: later });
  let removals = 0;
  const heard = Promise.withResolvers<void>();
  planned.start({
    count: 1,
    classChanged: async () => heard.resolve(),
    removeAll: async () => {
      removals++;
      heard.resolve();
      return false;
    },
  });
  await heard.promise;
  await planned.stop();
  assert.equal(removals, 0);
  assert.equal(planned.plan.deletesAtMs, later);
});
