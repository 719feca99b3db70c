/** Our proxy beside the real Envoy: the same configuration, the same requests, and what is seen has to be equal. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { knownDifferences } from './known-differences.ts';
import { play, type Scenario, type Seen } from './scenario.ts';
import { envoyIsMissing, findEnvoy, ours } from './subject.ts';

/** A test for each step of these scenarios. */
export function compare(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) {
    describe(scenario.name, { skip: envoyIsMissing }, () => {
      let seen: Seen[] = [];
      before(async () => {
        seen = await play(scenario, [findEnvoy()!, ours]);
      });
      for (const { name } of scenario.steps) {
        const known = knownDifferences.find(one => one.scenario === scenario.name && one.step === name);
        it(known ? `${name}: differs, ${known.reason}` : name, () => {
          const [theirs, own] = seen.map(one => one.get(name));
          if (known) assert.notDeepEqual(own, theirs, 'this is no difference any more');
          else assert.deepEqual(own, theirs);
        });
      }
    });
  }
}
