import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { RateLimitSchema } from '../api/envoy/config/route/v3/route_components_pb.js';
import { RateLimitRequestSchema } from '../api/envoy/service/ratelimit/v3/rls_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import { DynamicMetadata } from '../dynamic-metadata.ts';
import { RequestHeaders } from '../http/headers.ts';
import { encodeQuestion } from '../rate-limit/rate-limit-messages.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type RateLimitedRequest, RateLimitRule } from './rate-limit-rules.ts';

const ruleOf = (said: JsonValue) => new RateLimitRule(fromJson(RateLimitSchema, said));
const key = (...path: string[]) => ({ key: 'note', path: path.map(one => ({ key: one })) });

/** A request of which filters noted that, on a route that says this about itself. */
function requestWith(note: JsonObject | undefined, stated?: JsonObject): RateLimitedRequest {
  const info = { metadata: noted(note), routeMetadata: noted(stated) } as StreamInfo;
  return { head: new RequestHeaders(), info, clusterName: '', nodeCluster: '' };
}

function noted(fields: JsonObject | undefined): DynamicMetadata | undefined {
  if (fields === undefined) return undefined;
  const metadata = new DynamicMetadata();
  metadata.add('note', fields);
  return metadata;
}

describe('the descriptor by metadata', () => {
  const descriptor = (more: JsonObject, request: RateLimitedRequest) => {
    const always = { generic_key: { descriptor_value: 'a' } };
    const rule = ruleOf({
      actions: [{ metadata: { descriptor_key: 'who', metadata_key: key('user', 'name'), ...more } }, always],
    });
    return rule.descriptor(request)?.map(entry => `${entry.key}=${entry.value}`);
  };
  const ada = { user: { name: 'ada' } };

  test('has the text that was noted', () => {
    assert.deepEqual(descriptor({}, requestWith(ada)), ['who=ada', 'generic_key=a']);
    for (const note of [undefined, {}, { user: 'ada' }, { user: { name: 7 } }, { user: { name: '' } }])
      assert.equal(descriptor({}, requestWith(note)), undefined);
  });

  test('has the default where there is none, or leaves the entry out', () => {
    assert.deepEqual(descriptor({ default_value: 'nobody' }, requestWith({})), ['who=nobody', 'generic_key=a']);
    assert.deepEqual(descriptor({ skip_if_absent: true }, requestWith({})), ['generic_key=a']);
  });

  test("has what the route says, where it is to be the route's", () => {
    const ofRoute = { source: 'ROUTE_ENTRY' };
    assert.deepEqual(descriptor(ofRoute, requestWith({ user: { name: 'bob' } }, ada)), ['who=ada', 'generic_key=a']);
    assert.equal(descriptor(ofRoute, requestWith(ada)), undefined);
  });
});

describe('the limit that a request brings along', () => {
  const rule = ruleOf({
    actions: [{ generic_key: { descriptor_value: 'a' } }],
    limit: { dynamic_metadata: { metadata_key: key('limit') } },
  });
  const limit = (said: JsonObject) => rule.override(requestWith({ limit: said }).info);

  test('needs a number and the name of a unit', () => {
    assert.deepEqual(limit({ requests_per_unit: 2.7, unit: 'HOUR' }), { requestsPerUnit: 2, unit: 3 });
    for (const said of [
      {},
      { requests_per_unit: 2 },
      { requests_per_unit: '2', unit: 'HOUR' },
      { requests_per_unit: 2, unit: 'hour' },
    ])
      assert.equal(limit(said), undefined, JSON.stringify(said));
  });

  test('is asked about with the descriptor', () => {
    const entries = [{ key: 'a', value: 'b' }];
    const bytes = encodeQuestion('shop', [
      { entries, limit: { requestsPerUnit: 2, unit: 3 } },
      { entries, limit: { requestsPerUnit: 0, unit: 0 } },
      { entries, limit: undefined },
    ]);
    const { domain, descriptors } = fromBinary(RateLimitRequestSchema, bytes);
    assert.equal(domain, 'shop');
    assert.deepEqual(
      descriptors.map(({ limit: said }) => said && [said.requestsPerUnit, said.unit]),
      [[2, 3], [0, 0], undefined],
    );
  });
});

test('a rule is for all requests, or for as many as runtime says', () => {
  const actions = [{ remote_address: {} }];
  assert.equal(ruleOf({ actions }).enabledKey, '');
  assert.equal(ruleOf({ actions, disable_key: 'mine' }).enabledKey, 'ratelimit.mine.http_filter_enabled');
});
