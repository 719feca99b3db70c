import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type InternalRedirectPolicy as Configuration,
  InternalRedirectPolicySchema,
  RouteActionSchema,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { InternalRedirectPolicy, RedirectHistory } from '../routing/internal-redirect-policy.ts';
import { RouteEntry } from '../routing/route-entry.ts';
import { StatsStore } from '../stats/store.ts';
import { InternalRedirect } from './internal-redirect.ts';
import { RouterStats } from './router-stats.ts';

const anyRoute = new RouteEntry(
  'there',
  {
    name: '',
    metadata: undefined,
    includeAttemptCount: false,
    includeAttemptCountInResponse: false,
    includeTimeoutRetry: false,
    rateLimits: [],
  },
  {},
  [],
);

/** A request for /here of `client`, which may be redirected, and what came of it. */
function redirectable(
  settings: Partial<Omit<Configuration, '$typeName'>> = {},
  { encrypted = false, hasRoute = true } = {},
) {
  const head = new RequestHeaders();
  head.method = 'POST';
  head.authority = 'client';
  head.path = '/here';
  head.scheme = encrypted ? 'https' : 'http';
  const bodies: string[] = [];
  const stats = new RouterStats(new StatsStore().scope('http.a.'));
  const internalRedirectPolicy = create(InternalRedirectPolicySchema, settings);
  const policy = InternalRedirectPolicy.of(create(RouteActionSchema, { internalRedirectPolicy }), 'here')!;
  const stream = {
    stats,
    bufferLimit: 10,
    redirects: new RedirectHistory(),
    encrypted,
    route: hasRoute ? anyRoute : undefined,
    clearRoute() {},
    recreate: (_: ResponseHeaders, body: Buffer) => void bodies.push(String(body)),
  };
  const redirect = new InternalRedirect(stream, policy, head);
  const follow = (location: string | undefined, status = 302, whole = true): boolean => {
    const response = new ResponseHeaders(status);
    if (location !== undefined) response.add('location', location);
    const follows = redirect.prepare(response, whole);
    if (follows) redirect.recreate(response);
    return follows;
  };
  return { head, redirect, follow, bodies, stats, history: stream.redirects };
}

test('a redirect changes where the request goes, and tells where it went', () => {
  const { head, follow, redirect, bodies, history } = redirectable();
  redirect.keep(Buffer.from('abc'));
  redirect.keep(Buffer.from('def'));
  assert.equal(follow('http://user@there:81/x?y#z'), true);
  assert.deepEqual([head.method, head.authority, head.path], ['POST', 'there:81', '/x?y']);
  assert.equal(head.get('x-envoy-original-url'), 'http://client/here');
  assert.deepEqual(bodies, ['abcdef']);
  assert.equal(history.count, 1);
});

for (const location of [
  '/there',
  'there',
  '',
  'http://',
  'http:///there',
  'http://a b/',
  'http://there/a b',
  '//there/',
])
  test(`'${location}' leads nowhere, and the request stays as it was`, () => {
    const { head, follow, stats, history } = redirectable();
    const before = head.clone();
    assert.equal(follow(location), false);
    assert.deepEqual(head, before);
    assert.equal(stats.passedRedirects.bad_location.value, 1);
    assert.equal(history.count, 0);
  });

test('no request is redirected that is not whole, whose body was not kept, or where nothing says whereto', () => {
  const { follow, redirect } = redirectable();
  assert.equal(follow('http://there/', 302, false), false);
  assert.equal(follow(undefined), false);
  assert.equal(redirect.keep(Buffer.alloc(10)), true);
  assert.equal(redirect.keep(Buffer.alloc(1)), false);
  assert.equal(follow('http://there/'), false);
});

test('the scheme changes where that is allowed alone', () => {
  assert.equal(redirectable().follow('https://there/'), false);
  assert.equal(redirectable({}, { encrypted: true }).follow('http://there/'), false);
  const crossing = redirectable({ allowCrossSchemeRedirect: true }, { encrypted: true });
  assert.equal(crossing.follow('http://there/'), true);
  assert.equal(crossing.head.scheme, 'http');
  assert.equal(crossing.head.get('x-envoy-original-url'), 'https://client/here');
});

test('so many redirects are followed as the route allows, and where no route is none', () => {
  const { follow, stats } = redirectable({ maxInternalRedirects: 2 });
  assert.deepEqual(
    [1, 2, 3].map(() => follow('http://there/')),
    [true, true, false],
  );
  assert.equal(stats.passedRedirects.too_many_redirects.value, 1);
  const lost = redirectable({}, { hasRoute: false });
  assert.equal(lost.follow('http://there/'), false);
  assert.equal(lost.stats.passedRedirects.no_route.value, 1);
});

test('See Other asks for another thing: GET, without the body', () => {
  const { head, follow, redirect, bodies } = redirectable({ redirectResponseCodes: [303] });
  head.set('content-length', '3');
  redirect.keep(Buffer.from('abc'));
  assert.equal(follow('http://there/', 303), true);
  assert.deepEqual([head.method, head.has('content-length'), bodies], ['GET', false, ['']]);
});

test('only redirects are followed, 302 where nothing is said', () => {
  const concerned = (...codes: number[]) =>
    [200, 301, 302, 303, 307, 308, 500].filter(code =>
      redirectable({ redirectResponseCodes: codes }).redirect.concerns(code),
    );
  assert.deepEqual(concerned(), [302]);
  assert.deepEqual(concerned(200, 301, 308, 500), [301, 308]);
});
