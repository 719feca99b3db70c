/** Our proxy beside the real Envoy: the same configuration, the same requests, and what is seen has to be equal. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { knownDifferences } from './known-differences.ts';
import { play, type Scenario, type Seen } from './scenario.ts';
import { envoyIsMissing, findEnvoy, ours } from './subject.ts';

const knownDifference = (scenario: Scenario, step: string) =>
  knownDifferences.find(one => one.scenario === scenario.name && one.step === step);

interface Played {
  seen: Seen[];
  /** Steps that differed the first time. */
  unsteady: readonly string[];
}

/**
 * What both show, the real Envoy first. Two programs of several threads are compared here, and where one is late by a moment on a busy machine a step differs that does not
 * the next time: what differed is played once more, and that counts.
 */
async function playOnBoth(scenario: Scenario): Promise<Played> {
  const both = [findEnvoy()!, ours];
  const seen = await play(scenario, both);
  const [theirs, own] = seen;
  const unsteady = scenario.steps
    .map(({ name }) => name)
    .filter(name => !knownDifference(scenario, name) && !isDeepStrictEqual(own?.get(name), theirs?.get(name)));
  return { seen: unsteady.length === 0 ? seen : await play(scenario, both), unsteady };
}

/** A test for each step of these scenarios. */
export function compare(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) {
    describe(scenario.name, { skip: envoyIsMissing }, () => {
      let played: Played = { seen: [], unsteady: [] };
      before(async () => {
        played = await playOnBoth(scenario);
      });
      for (const { name } of scenario.steps) {
        const known = knownDifference(scenario, name);
        it(known ? `${name}: differs, ${known.reason}` : name, context => {
          if (played.unsteady.includes(name)) context.diagnostic(`differed once: ${scenario.name}: ${name}`);
          const [theirs, own] = played.seen.map(one => one.get(name));
          if (known) assert.notDeepEqual(own, theirs, 'this is no difference any more');
          else assert.deepEqual(own, theirs);
        });
      }
    });
  }
}
