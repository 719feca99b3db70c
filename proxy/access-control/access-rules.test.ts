import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { RBACSchema } from '../api/envoy/config/rbac/v3/rbac_pb.js';
import { RequestHeaders } from '../http/headers.ts';
import { StreamInfo } from '../stream-info.ts';
import { AccessRules } from './access-rules.ts';

const any = [{ any: true }];
const rules = (json: JsonValue) => new AccessRules(fromJson(RBACSchema, json));

function judged(of: AccessRules, path: string, change: (info: StreamInfo) => void = () => {}) {
  const head = new RequestHeaders();
  head.path = path;
  const info = new StreamInfo();
  info.downstreamLocalAddress = '[::1]:8080';
  info.downstreamDirectRemoteAddress = '10.0.0.1:5000';
  info.downstreamRemoteAddress = '192.0.2.1:0';
  change(info);
  return of.judge(head, info);
}

test('the first policy by name counts, in the order of bytes', () => {
  const of = rules({
    policies: { b: { permissions: any, principals: any }, B: { permissions: any, principals: any } },
  });
  assert.deepEqual(judged(of, '/'), { allowed: true, policy: 'B' });
});

test('without a policy that matches, ALLOW denies, DENY and LOG allow', () => {
  assert.deepEqual(judged(rules({}), '/'), { allowed: false, policy: '' });
  assert.deepEqual(judged(rules({ action: 'DENY' }), '/'), { allowed: true, policy: '' });
  assert.deepEqual(judged(rules({ action: 'LOG' }), '/'), { allowed: true, policy: '', logged: false });
});

test('a policy needs one of its permissions and one of its principals', () => {
  const of = rules({
    policies: {
      local: {
        permissions: [{ urlPath: { path: { exact: '/a' } } }, { urlPath: { path: { prefix: '/b/' } } }],
        principals: [{ directRemoteIp: { addressPrefix: '10.0.0.0', prefixLen: 8 } }],
      },
    },
  });
  assert.equal(judged(of, '/a?b').allowed, true);
  assert.equal(judged(of, '/b/c').allowed, true);
  assert.equal(judged(of, '/c').allowed, false);
  assert.equal(judged(of, '/a', info => (info.downstreamDirectRemoteAddress = '11.0.0.1:1')).allowed, false);
});

test('the end of a range of ports is not in it, and an IPv6 listener has a port too', () => {
  const ports = (start: number, end: number) =>
    rules({ policies: { p: { permissions: [{ destinationPortRange: { start, end } }], principals: any } } });
  assert.equal(judged(ports(8080, 8081), '/').allowed, true);
  assert.equal(judged(ports(8000, 8080), '/').allowed, false);
});

test('a policy may ask for a condition besides, parsed or checked', () => {
  const isGet = {
    callExpr: {
      function: '_==_',
      args: [
        { selectExpr: { operand: { identExpr: { name: 'request' } }, field: 'method' } },
        { constExpr: { stringValue: 'GET' } },
      ],
    },
  };
  const asked = (info: StreamInfo) => {
    info.requestHeaders = new RequestHeaders();
    info.requestHeaders.method = 'GET';
  };
  for (const stated of [{ condition: isGet }, { checkedCondition: { expr: isGet } }]) {
    const of = rules({ policies: { get: { permissions: any, principals: any, ...stated } } });
    assert.equal(judged(of, '/', asked).allowed, true);
    assert.equal(judged(of, '/').allowed, false);
  }
});
