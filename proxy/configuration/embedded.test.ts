import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedProblem } from './embedded.ts';
import type { JsonObject } from './json.ts';

const redirects = 'envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy';

const cases: [said: JsonObject, reason: string | undefined][] = [
  [{ uri: 'http://a.example/b#c' }, undefined],
  [{ uri: 'foo' }, 'Invalid uri specified for redirection for custom response: foo'],
  [{ redirect_action: { host_redirect: 'a', path_redirect: '/b' } }, undefined],
  [{ redirect_action: { prefix_rewrite: '/' } }, 'prefix_rewrite is not supported for Custom Response'],
  [{ redirect_action: { regex_rewrite: {} } }, 'regex_rewrite is not supported for Custom Response'],
  [
    { redirect_action: { path_redirect: '/a#b' } },
    '#fragment is not supported for custom response. Specified path_redirect is /a#b',
  ],
];

for (const [said, reason] of cases)
  test(`another response by ${JSON.stringify(said)} ${reason === undefined ? 'is taken' : 'is refused'}`, () => {
    assert.equal(embeddedProblem(redirects, said)?.reason, reason);
  });
