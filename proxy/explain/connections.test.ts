/** What decided connections that carry bytes, asked at the admin interface of a whole proxy; lines are known by the marks that they end with. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import {
  type ExplainedProxy,
  router,
  startExplained,
  type Told,
  filterTypes as types,
} from '../../test/fixtures/explained-proxy.ts';

interface ExplainedConnection {
  stream_id: string;
  protocol: string;
  flags: string;
  details: string;
  local_address: string;
  server_name: string;
  bytes_received: number;
  bytes_sent: number;
  decisions: Told[];
}

/** A chain for each address of this machine. */
const chain = (index: number, filters: string, mark: string): string => `
    - name: chain-${index}
      filter_chain_match: { prefix_ranges: [{ address_prefix: 127.0.0.${index}, prefix_len: 32 }] } # ${mark}
      filters:
${filters}`;

const filter = (name: string, type: string, more: string): string => `
      - name: ${name} # ${name}
        typed_config:
          "@type": ${types}.network.${type}
          stat_prefix: test
${more}`;

const proxied = (more: string): string => filter('bytes', 'tcp_proxy.v3.TcpProxy', more);

const tls = join(import.meta.dirname, '../../test/fixtures/tls');

/** A limit that but one connection passes, before HTTP. */
const manager = `${filter('full', 'local_ratelimit.v3.LocalRateLimit', '          token_bucket: { max_tokens: 1, fill_interval: 60s }')}${filter(
  'http',
  'http_connection_manager.v3.HttpConnectionManager',
  `          route_config: {}
          http_filters:
          - ${router}
`,
)}`;

const configuration = (upstreamPort: number): string => `
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: main # listener
    address: { socket_address: { address: 0.0.0.0, port_value: 0 } }
    filter_chains:${chain(
      1,
      filter('few', 'connection_limit.v3.ConnectionLimit', '          max_connections: 5') +
        proxied(`          weighted_clusters:
            clusters:
            - { name: gone, weight: 1 }
            - { name: up, weight: 4294967294 } # share
`),
      'first',
    )}${chain(
      2,
      filter(
        'rules',
        'rbac.v3.RBAC',
        `          rules:
            action: DENY
            policies:
              all: # policy
                permissions: [{ any: true }]
                principals: [{ any: true }]
`,
      ) + proxied('          cluster: up # named\n'),
      'second',
    )}${chain(3, proxied('          cluster: nobody # to nobody\n          max_connect_attempts: 2 # attempts\n'), 'third')}${chain(
      4,
      proxied('          cluster: up # to up\n          idle_timeout: 0.1s # idle\n'),
      'fourth',
    )}${chain(5, proxied('          cluster: missing # to missing\n'), 'fifth')}${chain(
      6,
      proxied('          cluster: full # to full\n'),
      'sixth',
    )}${chain(
      7,
      filter('none', 'connection_limit.v3.ConnectionLimit', '          max_connections: 1\n          delay: 0.01s') +
        filter(
          'second',
          'local_ratelimit.v3.LocalRateLimit',
          '          token_bucket: { max_tokens: 1, fill_interval: 60s }',
        ) +
        proxied('          cluster: up # to up again\n'),
      'seventh',
    )}${chain(8, filter('closed', 'rbac.v3.RBAC', '') + manager, 'eighth')}${chain(9, proxied('          cluster: up\n'), 'ninth')}
      transport_socket: # encrypted
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context: { tls_certificates: [{ certificate_chain: { filename: ${tls}/one.pem }, private_key: { filename: ${tls}/one.key } }] }
  clusters:
  - name: up # cluster up
    load_assignment:
      cluster_name: up
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstreamPort} } } } }] }] # endpoint
  - name: nobody # cluster nobody
    lb_policy: RANDOM # policy of nobody
    load_assignment:
      cluster_name: nobody
      endpoints: [{ lb_endpoints: [{ health_status: UNHEALTHY, endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } }] }] # nowhere
  - name: full
    circuit_breakers: { thresholds: [{ max_connections: 0 }] } # breaker
    load_assignment:
      cluster_name: full
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } }] }]
`;

/** What a connection to the chain of an address gets; the client ends its half once it has sent, where it says so. */
async function talk({ admin }: ExplainedProxy, index: number, send: string, end = true): Promise<string> {
  const port = Number((await admin('/listeners')).body.trim().split(':').at(-1));
  const socket = connect({ port, host: `127.0.0.${index}`, allowHalfOpen: true });
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  socket.on('error', () => {});
  if (send !== '') socket.write(send);
  if (end) socket.end();
  else socket.on('end', () => socket.end());
  // What was not read yet makes a reset of the other side's end.
  await new Promise(resolve => socket.once('close', resolve));
  return text;
}

async function lastOf(proxy: ExplainedProxy): Promise<ExplainedConnection> {
  for (;;) {
    const { body } = await proxy.admin('/explain?format=json');
    const [last] = (JSON.parse(body) as { explanations: ExplainedConnection[] }).explanations;
    // Its end may come to the client before the proxy has seen the client's.
    if (last !== undefined) return last;
  }
}

/** `by name: why [mark]`, without what differs from run to run. */
function lines({ decisions }: ExplainedConnection, upstreamPort: number): string[] {
  return decisions.map(({ by, name, why, origin }) => {
    const mark = origin?.text === undefined ? '-' : (/# (.*)$/.exec(origin.text)?.[1] ?? origin.text);
    const plain = `${by} ${name}: ${why}`.replaceAll(/[\d.]+ ms/g, 'N ms').replaceAll(`:${upstreamPort}`, ':<up>');
    return `${plain.replace(/(127\.0\.0\.\d:)\d{4,}/, '$1<port>')} [${mark}]`;
  });
}

const took = (index: number, mark: string): string[] => [
  `listener main: took the connection at 127.0.0.${index}:<port> [listener]`,
  `filter chain chain-${index}: its filter_chain_match is the most specific that fits [${mark}]`,
];

test('what decided connections', { timeout: 60_000 }, async t => {
  let upstreamPort = 0;
  const proxy = await startExplained(t, 'all', port => {
    upstreamPort = port;
    return { 'config.yaml': configuration(port) };
  });
  const told = async (): Promise<string[]> => lines(await lastOf(proxy), upstreamPort);
  const balanced = [
    'load balancer ROUND_ROBIN: the default; of 1 host, 1 healthy [cluster up]',
    'try 1: 127.0.0.1:<up>: the load balancer chose it: priority 0, healthy; connected after N ms [endpoint]',
  ];

  await t.test('a cluster among several, and who closed', async () => {
    assert.match(await talk(proxy, 1, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', false), /200 OK/);
    const { protocol, flags, bytes_received: received, bytes_sent: sent, local_address: at } = await lastOf(proxy);
    assert.deepEqual([protocol, flags, received, /^127\.0\.0\.1:\d+$/.test(at)], ['TCP', '-', 46, true]);
    assert.ok(sent > 50);
    assert.deepEqual(await told(), [
      ...took(1, 'first'),
      'filter few: let the connection pass [few]',
      'cluster up: its share is 4294967294 of 4294967295 [share]',
      ...balanced,
      'end host: the host was the first to end the connection [-]',
    ]);
  });

  await t.test('as text, in the list and by its id', async () => {
    const { stream_id: id } = await lastOf(proxy);
    const list = (await proxy.admin('/explain')).body;
    assert.match(
      list,
      /^\S+ TCP 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+ 46\/\d+ bytes - [\d.]+ms \/explain\?id=[0-9a-f-]{36}\n$/,
    );
    const { body } = await proxy.admin(`/explain?id=${id}`);
    assert.match(body, /\ncluster up: its share is .*\n {2}.*config\.yaml:\d+ {2}- \{ name: up, .* # share\n/);
  });

  await t.test('a filter that denies', async () => {
    assert.equal(await talk(proxy, 2, 'hello', false), '');
    assert.equal((await lastOf(proxy)).details, 'rbac_access_denied_matched_policy[all]');
    assert.deepEqual(await told(), [
      ...took(2, 'second'),
      'filter rules: closed the connection: rbac_access_denied_matched_policy[all] [policy]',
      'cluster up: the proxy of TCP names it [named]',
      ...balanced,
    ]);
  });

  await t.test('nobody at the host', async () => {
    await talk(proxy, 3, '', false);
    assert.equal((await lastOf(proxy)).flags, 'URX,UF');
    const attempt = (count: number): string =>
      `try ${count}: 127.0.0.1:1: the load balancer chose it: priority 0, unhealthy; no connection: delayed connect error: Connection refused after N ms [nowhere]`;
    assert.deepEqual(await told(), [
      ...took(3, 'third'),
      'cluster nobody: the proxy of TCP names it [to nobody]',
      'load balancer RANDOM: of 1 host, 0 healthy; fewer than healthy_panic_threshold, so all are chosen from [policy of nobody]',
      attempt(1),
      attempt(2),
      'retry no more: 2 tries were made [attempts]',
    ]);
  });

  await t.test('silence', async () => {
    await talk(proxy, 4, '', false);
    const all = await told();
    assert.equal(all.at(-1), 'timeout idle_timeout: nothing moved for 0.1s [idle]');
    assert.deepEqual(all.slice(3, 5), balanced);
  });

  await t.test('no such cluster, and a breaker', async () => {
    await talk(proxy, 5, '', false);
    assert.equal((await told()).at(-1), 'cluster missing: there is no cluster of this name [-]');
    await talk(proxy, 6, '', false);
    assert.equal(
      (await told()).at(-1),
      'circuit breaker max_connections: refused the connection: no more than 0 at a time [breaker]',
    );
  });

  await t.test('no TLS', async () => {
    await talk(proxy, 9, 'GET / HTTP/1.1\r\n\r\n', false);
    assert.deepEqual(await told(), [
      ...took(9, 'ninth'),
      'end TLS: the handshake failed: TLS_error:|268435612:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end [encrypted]',
    ]);
  });

  await t.test('no HTTP for whom a filter stopped', async () => {
    await talk(proxy, 8, '');
    await talk(proxy, 8, '', false);
    assert.deepEqual(await told(), [
      ...took(8, 'eighth'),
      'filter closed: let the connection pass [closed]',
      'filter full: closed the connection: URX [full]',
    ]);
  });

  await t.test('a filter that lets none come', async () => {
    assert.match(await talk(proxy, 7, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), /200 OK/);
    assert.equal(await talk(proxy, 7, 'hello', false), '');
    assert.deepEqual(await told(), [
      ...took(7, 'seventh'),
      'filter none: let the connection pass [none]',
      'filter second: closed the connection: URX [second]',
    ]);
  });
});

test('connections cannot ask: without a share none is explained', { timeout: 60_000 }, async t => {
  const proxy = await startExplained(t, 'header', port => ({ 'config.yaml': configuration(port) }));
  await talk(proxy, 5, '', false);
  assert.equal((await proxy.admin('/explain')).body, 'no request or connection was explained yet\n');
});

const bySni = (upstreamPort: number): string => `
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    listener_filters:
    - name: inspector
      typed_config: { "@type": ${types}.listener.tls_inspector.v3.TlsInspector }
    filter_chains:
    - filters:
      - name: names # names
        typed_config: { "@type": ${types}.network.sni_cluster.v3.SniCluster }${proxied('          cluster: missing\n')}
  clusters:
  - name: up.example
    load_assignment:
      cluster_name: up.example
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstreamPort} } } } }] }]
`;

test('a cluster that the client asks for by SNI', { timeout: 60_000 }, async t => {
  const proxy = await startExplained(t, 'all', port => ({ 'config.yaml': bySni(port) }));
  const port = Number((await proxy.admin('/listeners')).body.trim().split(':').at(-1));
  // Its hello goes to the host as it is, which speaks HTTP alone.
  const client = connectTls({ port, host: '127.0.0.1', servername: 'up.example', rejectUnauthorized: false });
  client.on('error', () => {});
  await new Promise(resolve => client.once('close', resolve));
  const told = await lastOf(proxy);
  assert.equal(told.server_name, 'up.example');
  const { why, origin } = told.decisions.find(({ by }) => by === 'cluster')!;
  assert.equal(why, 'the client asked for it by SNI');
  assert.match(origin!.text!, /# names$/);
});
