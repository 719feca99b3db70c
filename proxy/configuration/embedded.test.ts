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

const successes: [said: JsonObject, reason: string | undefined][] = [
  [{ success_criteria: {} }, undefined],
  [{ success_criteria: { http_criteria: { http_success_status: [{ start: 100, end: 600 }] } } }, undefined],
  [
    { success_criteria: { http_criteria: { http_success_status: [{ start: 50, end: 200 }] } } },
    'invalid HTTP range: [50, 200)',
  ],
  [
    { success_criteria: { http_criteria: { http_success_status: [{ start: 300, end: 200 }] } } },
    'invalid HTTP range: [300, 200)',
  ],
  [{ success_criteria: { grpc_criteria: { grpc_success_status: [16, 17] } } }, 'invalid gRPC code 17'],
  [{ sr_threshold: { default_value: { value: 0.5 } } }, 'Success rate threshold cannot be less than 1.0%.'],
];

for (const [said, reason] of successes)
  test(`success by ${JSON.stringify(said)} ${reason === undefined ? 'is taken' : 'is refused'}`, () => {
    const type = 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl';
    assert.equal(embeddedProblem(type, said)?.reason, reason);
  });

test('filter state is of a kind that is known', () => {
  const problem = (said: JsonObject) =>
    embeddedProblem('envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue', said)?.reason;
  assert.equal(problem({ object_key: 'a', factory_key: 'envoy.string' }), undefined);
  assert.equal(problem({ object_key: 'envoy.tcp_proxy.cluster' }), undefined);
  assert.equal(problem({ object_key: 'a' }), "'a' does not have an object factory");
  assert.match(
    String(problem({ object_key: 'envoy.network.upstream_subject_alt_names' })),
    /not supported by this proxy$/,
  );
});
