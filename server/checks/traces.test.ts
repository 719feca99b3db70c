import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeAgent, FakeFailure } from './fake-agent.ts';
import { Observation } from './observation.ts';
import { checkTraces } from './traces.ts';

const check = {
  id: 'one',
  title: 'one trace',
  hint: null,
  type: 'traces',
  spans: ['customer', 'preference', 'recommendation'],
} as const;

function verdict(traces: object[][] | undefined) {
  const agent = new FakeAgent({
    'http.request': () => {
      if (traces === undefined) throw new FakeFailure('refused', 'nobody listens');
      return { status: 200, headers: [], body: JSON.stringify(traces), durationMs: 1 } as never;
    },
  });
  return checkTraces({ ...check, spans: [...check.spans] }, new Observation(agent, new AbortController().signal));
}

const customer = { id: '1', name: 'customer' };
const preference = { id: '2', name: 'preference', parentId: '1' };

describe('traces', () => {
  it('wants each span below the one before, however far', async () => {
    const between = { id: '3', name: 'router', parentId: '2' };
    const recommendation = { id: '4', name: 'recommendation', parentId: '3' };
    assert.equal((await verdict([[recommendation, between, preference, customer]])).passed, true);
  });

  it('looks at the last one alone, and says how far it goes', async () => {
    const recommendation = { id: '3', name: 'recommendation', parentId: '2' };
    const { passed, found } = await verdict([
      [{ id: '9', name: 'recommendation' }],
      [customer, preference],
      [customer, preference, recommendation],
    ]);
    assert.equal(passed, false);
    assert.equal(found, 'the last trace has customer > preference, and then no recommendation below');
  });

  it('does not take spans side by side for a way', async () => {
    const beside = { id: '3', name: 'recommendation', parentId: '1' };
    assert.equal((await verdict([[customer, preference, beside]])).passed, false);
  });

  it('says what is missing where there is none', async () => {
    assert.match((await verdict([])).found, /^no trace with customer/);
    assert.match((await verdict(undefined)).found, /start it: traces/);
  });
});
