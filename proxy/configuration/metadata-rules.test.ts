import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from './json.ts';
import { metadataRuleProblem } from './metadata-rules.ts';

const pair = { key: 'k' };
const fixed = { key: 'k', value: 'v' };

const cases: [rule: JsonObject, reason: RegExp | undefined][] = [
  [{ header: 'a', on_header_present: pair, on_header_missing: fixed, remove: true }, undefined],
  [{ cookie: 'a', on_header_present: pair }, undefined],
  [{ on_header_present: pair }, /^One of Cookie or Header/],
  [{ header: 'a', cookie: 'b', on_header_present: pair }, /^Cannot specify both header and cookie/],
  [{ header: 'a' }, /^header to metadata filter: rule for header 'a' has neither/],
  [{ cookie: 'a', on_header_present: pair, remove: true }, /^Cannot specify remove for cookie/],
  [{ header: 'a', on_header_missing: pair }, /^Cannot specify on_header_missing rule with an empty value/],
  [{ header: 'a', on_header_present: { ...fixed, regex_value_rewrite: {} } }, /^Cannot specify both value and regex/],
];

for (const [rule, reason] of cases)
  test(`${JSON.stringify(rule)} ${reason === undefined ? 'is taken' : 'is refused'}`, () => {
    const found = metadataRuleProblem(rule)?.reason;
    if (reason === undefined) assert.equal(found, undefined);
    else assert.match(String(found), reason);
  });
