/** What decided requests, asked at the admin interface of a whole proxy; lines are known by the marks that they end with. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  type Explained,
  type ExplainedProxy,
  router,
  startExplained,
  filterTypes as types,
} from '../../test/fixtures/explained-proxy.ts';
import { mostKept } from './explain.ts';

const configuration = (upstreamPort: number, routes: string): string => `
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: main # listener
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filter_chain_match: { source_prefix_ranges: [{ address_prefix: 10.0.0.0, prefix_len: 8 }] }
      filters: []
    - name: plain # chain
      filters:
      - name: http
        typed_config:
          "@type": ${types}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          http_filters:
          - name: faults # fault filter
            typed_config: { "@type": ${types}.http.fault.v3.HTTPFault }
          - name: access
            typed_config:
              "@type": ${types}.http.rbac.v3.RBAC
              rules:
                action: DENY
                policies:
                  secret: # policy
                    permissions: [{ header: { name: ":path", string_match: { exact: /secret } } }]
                    principals: [{ any: true }]
          - ${router}
${routes}
  clusters:
  - name: up # cluster up
    lb_policy: LEAST_REQUEST # policy of up
    load_assignment:
      cluster_name: up
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.9, port_value: 1 } } }
          health_status: UNHEALTHY
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstreamPort} } } } # endpoint
  - name: small # cluster small
    circuit_breakers:
      thresholds:
      - priority: HIGH
        max_pending_requests: 3
      - max_pending_requests: 0 # breaker
        max_retries: 0
    load_assignment:
      cluster_name: small
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstreamPort} } } } }] }]
  - name: careful
    circuit_breakers:
      thresholds:
      - max_retries: 0 # breaker of retries
    load_assignment:
      cluster_name: careful
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstreamPort} } } } }] }]
  - name: empty # cluster empty
`;

const ownRoutes = `
          route_config:
            virtual_hosts:
            - name: shop
              domains:
              - example.com
              - "*.example.com" # domain
              routes: # routes of shop
              - match: { path: /only } # only
                direct_response: { status: 200 } # direct
            - name: all
              domains: ["*"] # any domain
              routes:
              - match: { prefix: /status/500 } # match 500
                route:
                  cluster: up # to up
                  retry_policy:
                    retry_on: 5xx # retry on
                    num_retries: 1 # retries
                    retry_back_off: { base_interval: 0.001s }
              - match: { prefix: /hang/try }
                route:
                  cluster: up
                  retry_policy:
                    retry_on: reset # reset
                    num_retries: 0 # none
                    per_try_timeout: 0.05s # try timeout
              - match: { prefix: /hang }
                route:
                  cluster: up
                  timeout: 0.05s # timeout
              - match: { prefix: /careful }
                route: { cluster: careful, retry_policy: { retry_on: 5xx } }
              - { match: { prefix: /full }, route: { cluster: small } }
              - { match: { prefix: /empty }, route: { cluster: empty } }
              - match: { prefix: /abort }
                route: { cluster: up }
                typed_per_filter_config:
                  faults: # fault of the route
                    "@type": ${types}.http.fault.v3.HTTPFault
                    abort: { http_status: 418, percentage: { numerator: 100 } }
              - match: { prefix: /split }
                route:
                  weighted_clusters:
                    clusters:
                    - { name: up, weight: 0 }
                    - { name: up, weight: 1 } # share
              - { match: { prefix: / }, route: { cluster: up } } # all the rest
`;

const start = (context: TestContext, which: string | undefined): Promise<ExplainedProxy> =>
  startExplained(context, which, port => ({ 'config.yaml': configuration(port, ownRoutes) }));

/** The mark of each decision's line; checks that the line is where it is said to be. */
function marksOf({ decisions }: Explained, file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return decisions.map(({ by, name, origin }) => {
    const label = `${by} ${name.replace(/127\.0\.0\.1:\d+/, 'host')}`;
    if (origin?.line === undefined) return label;
    assert.equal(origin.file, file);
    assert.equal(lines[origin.line - 1]?.trim(), origin.text);
    return `${label} # ${/# (.*)$/.exec(origin.text ?? '')?.[1] ?? 'no mark'}`;
  });
}

const chain = ['listener main # listener', 'filter chain plain # chain'];
const toUp = ['load balancer LEAST_REQUEST # policy of up', 'try 1: host # endpoint'];

test('the lines of a file that decided', { timeout: 60_000 }, async t => {
  const { ask, last, file } = await start(t, 'all');
  const cases: { name: string; path: string; host?: string; answer: string; from: string[] }[] = [
    {
      name: 'a request that goes well',
      path: '/fine',
      answer: '200 - via_upstream',
      from: ['virtual host all # any domain', 'route routes[8] # all the rest', 'cluster up # all the rest', ...toUp],
    },
    {
      name: 'retries, until there are no more',
      path: '/status/500',
      answer: '500 URX via_upstream',
      from: [
        ...['virtual host all # any domain', 'route routes[0] # match 500', 'cluster up # to up', ...toUp],
        ...['retry 1 # retry on', 'try 2: host # endpoint', 'retry no more # retries'],
      ],
    },
    {
      name: 'a failure that nobody tries again',
      path: '/other/status/503',
      answer: '503 - via_upstream',
      from: [
        ...['virtual host all # any domain', 'route routes[8] # all the rest', 'cluster up # all the rest', ...toUp],
        'retry none # all the rest',
      ],
    },
    {
      name: 'no route of the virtual host',
      path: '/nowhere',
      host: 'www.example.com',
      answer: '404 NR route_not_found',
      from: ['virtual host shop # domain', 'route none # routes of shop'],
    },
    {
      name: 'a route that answers itself',
      path: '/only',
      host: 'www.example.com',
      answer: '200 - direct_response',
      from: ['virtual host shop # domain', 'route routes[0] # only', 'route direct_response # direct'],
    },
    {
      name: 'a breaker',
      path: '/full',
      answer: '503 UO upstream_reset_before_response_started{overflow}',
      from: [
        ...['virtual host all # any domain', 'route routes[4] # no mark', 'cluster small # no mark'],
        ...['load balancer ROUND_ROBIN # cluster small', 'try 1: host # no mark'],
        'circuit breaker max_pending_requests # breaker',
      ],
    },
    {
      name: 'the breaker of retries',
      path: '/careful/status/500',
      answer: '500 UO via_upstream',
      from: [
        ...['virtual host all # any domain', 'route routes[3] # no mark', 'cluster careful # no mark'],
        ...['load balancer ROUND_ROBIN # no mark', 'try 1: host # no mark'],
        'circuit breaker max_retries # breaker of retries',
      ],
    },
    {
      name: 'no host',
      path: '/empty',
      answer: '503 UH no_healthy_upstream',
      from: [
        ...['virtual host all # any domain', 'route routes[5] # no mark', 'cluster empty # no mark'],
        'cluster empty # cluster empty',
      ],
    },
    {
      name: 'a fault that the route asks for',
      path: '/abort',
      answer: '418 FI fault_filter_abort',
      from: [
        ...['virtual host all # any domain', 'route routes[6] # no mark', 'cluster up # no mark'],
        'filter faults # fault of the route',
      ],
    },
    {
      name: 'a policy that denies access',
      path: '/secret',
      answer: '403 - rbac_access_denied_matched_policy[secret]',
      from: [
        ...['virtual host all # any domain', 'route routes[8] # all the rest', 'cluster up # all the rest'],
        'filter access # policy',
      ],
    },
    {
      name: 'the second of two shares of one cluster',
      path: '/split',
      answer: '200 - via_upstream',
      from: ['virtual host all # any domain', 'route routes[7] # no mark', 'cluster up # share', ...toUp],
    },
    {
      name: 'the route’s time-out',
      path: '/hang',
      answer: '504 UT response_timeout',
      from: [
        ...['virtual host all # any domain', 'route routes[2] # no mark', 'cluster up # no mark', ...toUp],
        'timeout timeout # timeout',
      ],
    },
    {
      name: 'the time-out of a try',
      path: '/hang/try',
      answer: '504 URX,UT upstream_per_try_timeout',
      from: [
        ...['virtual host all # any domain', 'route routes[1] # no mark', 'cluster up # no mark', ...toUp],
        ...['timeout per_try_timeout # try timeout', 'retry no more # none'],
      ],
    },
  ];
  for (const { name, path, host, answer, from } of cases)
    await t.test(name, async () => {
      await ask(path, host === undefined ? {} : { host });
      const told = await last();
      assert.equal(`${told.status} ${told.flags} ${told.details}`, answer);
      assert.deepEqual(marksOf(told, file), [...chain, ...from]);
    });
});

test('a request is found by its id, and told as text', { timeout: 60_000 }, async t => {
  const { ask, admin, last, file } = await start(t, 'all');
  await ask('/status/500');
  const { request_id: id } = await last();
  await ask('/other');
  const { body } = await admin(`/explain?id=${id}`);
  assert.match(body, /^GET 127\.0\.0\.1:\d+\/status\/500 500 URX [\d.]+ms\n/);
  const retry = `\nretry 1: the host answered 500: retry_on has "5xx"\n  ${file}:`;
  assert.ok(body.includes(retry), body);
  assert.match(body, /\d+ {2}retry_on: 5xx # retry on\n {2}static_resources\.listeners\[0\]\.filter_chains\[1\]\./);
  assert.match((await admin('/explain')).body, new RegExp(`/other 200 .*\\n.* 500 URX .*/explain\\?id=${id}\n$`));
  assert.equal((await admin('/explain?id=another')).status, 404);
  assert.match((await admin('/help')).body, / {2}\/explain: print what decided/);
});

test('where the file has changed no line of it is told', { timeout: 60_000 }, async t => {
  const { ask, admin, file } = await start(t, 'all');
  await ask('/');
  appendFileSync(file, '# more\n');
  const { problem, explanations } = JSON.parse((await admin('/explain?format=json')).body);
  assert.match(problem, /config\.yaml has changed since it was loaded/);
  const [{ origin }] = explanations[0].decisions;
  assert.deepEqual(origin, { path: 'static_resources.listeners[0]' });
});

test('only those that ask are explained where that was chosen', { timeout: 60_000 }, async t => {
  const { ask, last, admin } = await start(t, 'header');
  await ask('/asks', { 'x-explain': '1' });
  await ask('/does-not');
  assert.equal(JSON.parse((await admin('/explain?format=json')).body).explanations.length, 1);
  assert.equal((await last()).decisions[0]?.by, 'listener');
});

test('nothing is explained, whoever asks, unless the operator wants it', { timeout: 60_000 }, async t => {
  const { ask, admin } = await start(t, undefined);
  await ask('/asks', { 'x-explain': '1' });
  const { status, body } = await admin('/explain');
  assert.equal(status, 404);
  assert.ok(body.startsWith('invalid path.') && !body.includes('/explain'), body);
});

test('no more than the last ones are kept', { timeout: 60_000 }, async t => {
  const { ask, admin } = await start(t, 'all');
  for (let n = 0; n <= mostKept; n++) await ask(`/nowhere-${n}`, { host: 'example.com' });
  const lines = (await admin('/explain')).body.trim().split('\n');
  assert.equal(lines.length, mostKept);
  assert.ok(lines[0]!.includes(`/nowhere-${mostKept} `) && lines.at(-1)!.includes('/nowhere-1 '));
});
