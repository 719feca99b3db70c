/** The filter stateful_session: sessions that stay with a host. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { exchange } from '../exchange.ts';
import { accessLog, normalize, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession';
const states = 'envoy.extensions.http.stateful_session';
const byCookie = (cookie: Json): Json => ({
  name: 'envoy.http.stateful_session.cookie',
  typed_config: typed(`${states}.cookie.v3.CookieBasedSessionState`, { cookie }),
});
const byHeader: Json = {
  name: 'envoy.http.stateful_session.header',
  typed_config: typed(`${states}.header.v3.HeaderBasedSessionState`, { name: 'X-Session' }),
};
const own = (session: Json): Json => typed(`${filterType}PerRoute`, { stateful_session: session });
const session = (prefix: string, clusterName: string, said?: Json, more: Json = {}): Json => ({
  ...route(prefix, clusterName, { prefix_rewrite: '/get', ...more }),
  ...(said && { typed_per_filter_config: { session: said } }),
});

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** What a cookie of a session holds. @param lastsSeconds undefined: for ever */
function content(text: string, lastsSeconds?: number): string {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(text);
  if (lastsSeconds !== undefined) writer.tag(2, WireType.Varint).uint64(nowSeconds() + lastsSeconds);
  return Buffer.from(writer.finish()).toString('base64');
}

/** Tells what is in a cookie, and for how long it is good. */
function opened(line: string): string {
  return line.replace(/^(set-cookie: \w+=")([^"]*)/, (_, before: string, value: string) => {
    const reader = new BinaryReader(Buffer.from(value, 'base64'));
    let told = before;
    while (reader.pos < reader.len) {
      const [field] = reader.tag();
      told +=
        field === 1 ? reader.string() : ` for ${Math.round((Number(reader.uint64()) - nowSeconds()) / 10) * 10} s`;
    }
    return told;
  });
}

/** A step: the same request several times, and what the answers are, each kind once. */
function asked(name: string, path: string, headers: (ports: Ports) => string[] = () => [], times = 4): Step {
  return {
    name,
    see: async ({ ports }) => {
      const seen = new Set<string>();
      for (let i = 0; i < times; i++) {
        const lines = [`GET ${path} HTTP/1.1`, 'host: a', ...headers(ports), '', ''];
        const { head, body } = normalize(await exchange(ports.listener, lines.join('\r\n')));
        const kept = head.filter(line => /^(HTTP|x-host|set-cookie|x-session)/.test(line)).map(opened);
        seen.add([...kept, head[0]?.includes('200') ? '' : body].join(' | '));
      }
      return [...seen].sort();
    },
  };
}

/** A step: each line of the access log once. */
function distinctLines(count: number): Step {
  const { name, see } = accessLog(count);
  return { name, see: async place => [...new Set((await see(place)) as string[])].sort() };
}

const at = (port: number): string => `127.0.0.1:${port}`;
const cookie = (value: string): string => `cookie: a=b; s=${value}; c=d`;
const header = (text: string): string => `x-session: ${Buffer.from(text).toString('base64')}`;

/** Hosts, and what their source says of the health of the second one. */
const hosts = (name: string, ports: number[], status: string, more: Json = {}): Json => ({
  ...cluster(name, [], more),
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: ports.map((port, i) => ({
          endpoint: { address: address(port) },
          ...(i === 1 && { health_status: status }),
        })),
      },
    ],
  },
});
const statuses = ['UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED'];

export const statefulSessions: Scenario = {
  name: 'stateful sessions',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'session', typed_config: typed(filterType, { session_state: byCookie({ name: 's' }) }) }),
        access_log: [fileLog(log, decisions)],
      },
      routeConfiguration: {
        response_headers_to_add: [{ header: { key: 'x-host', value: '%UPSTREAM_REMOTE_ADDRESS%' } }],
      },
      routes: [
        session('/one', 'one'),
        session('/two', 'two'),
        session('/timed', 'one', own({ session_state: byCookie({ name: 's', ttl: '120s', path: '/timed' }) })),
        session('/slashed', 'one', own({ session_state: byCookie({ name: 's', path: '/slashed/' }) })),
        session('/rooted', 'one', own({ session_state: byCookie({ name: 's', path: '/' }) })),
        session('/strict', 'two', own({ session_state: byCookie({ name: 's' }), strict: true })),
        session('/header', 'two', own({ session_state: byHeader })),
        session('/lone', 'one', own({ session_state: byHeader })),
        session('/certain', 'one', own({ session_state: byHeader, strict: true })),
        session('/off', 'one', typed(`${filterType}PerRoute`, { disabled: true })),
        session('/switched-off', 'one', typed('envoy.config.route.v3.FilterConfig', { disabled: true })),
        session('/stateless', 'one', own({})),
        session('/retried', 'gone', own({ session_state: byHeader, strict: true }), {
          retry_policy: { retry_on: 'connect-failure', num_retries: 5 },
        }),
        ...statuses.flatMap(status => [
          session(`/${status}/usual`, `${status}-usual`, own({ session_state: byHeader })),
          session(`/${status}/strict`, `${status}-usual`, own({ session_state: byHeader, strict: true })),
          session(`/${status}/allowed`, `${status}-allowed`, own({ session_state: byHeader, strict: true })),
        ]),
        {
          match: { prefix: '/direct' },
          direct_response: { status: 200, body: { inline_string: 'direct' } },
        },
      ],
      clusters: [
        cluster('one', [ports.httpbin]),
        cluster('two', [ports.raw, ports.httpbin]),
        cluster('gone', [ports.nobody, ports.httpbin]),
        ...statuses.flatMap(status => [
          hosts(`${status}-usual`, [ports.httpbin, ports.raw], status),
          hosts(`${status}-allowed`, [ports.httpbin, ports.raw], status, {
            common_lb_config: { override_host_status: { statuses: [status, 'UNKNOWN'] } },
          }),
        ]),
      ],
    }),
  steps: [
    asked('no cookie', '/one'),
    ...(['raw', 'httpbin'] as const).flatMap(host => [
      asked(`a cookie of ${host}`, '/two', ports => [cookie(content(at(ports[host])))]),
      asked(`a quoted cookie of ${host}`, '/two', ports => [cookie(`"${content(at(ports[host]))}"`)]),
      asked(`a cookie of ${host} that lasts`, '/two', ports => [cookie(content(at(ports[host]), 100))]),
      asked(`the bare address of ${host}`, '/two', ports => [cookie(Buffer.from(at(ports[host])).toString('base64'))]),
      asked(`a header of ${host}`, '/header', ports => [header(at(ports[host]))]),
      asked(`a strict cookie of ${host}`, '/strict', ports => [cookie(content(at(ports[host])))]),
    ]),
    asked('a cookie of another host', '/one', ports => [cookie(content(at(ports.raw)))]),
    asked('a cookie that has expired', '/one', ports => [cookie(content(at(ports.httpbin), -100))]),
    asked('a cookie that is no base64', '/one', () => [cookie('&&&')]),
    asked('a cookie without padding', '/one', ports => [cookie(content(at(ports.httpbin)).replace(/=+$/, ''))]),
    asked('an empty cookie', '/one', () => [cookie('')]),
    asked('the address of a host of another cluster, strictly', '/strict', ports => [cookie(content(at(ports.http2)))]),
    asked('a cookie that lasts', '/timed'),
    asked('a path below', '/timed/a'),
    asked('a path with a query', '/timed?a'),
    asked('a path that begins alike', '/timedly'),
    asked('a path without its slash', '/slashed'),
    asked('a path with its slash', '/slashed/a'),
    asked('every path', '/rooted/a'),
    asked('no header', '/lone'),
    asked('a header of another host', '/lone', ports => [header(at(ports.raw))]),
    asked('a header that is no base64', '/lone', () => ['x-session: &&&']),
    asked('a header of another host, strictly', '/certain', ports => [header(at(ports.raw))]),
    asked('switched off by its own message', '/off'),
    asked('switched off', '/switched-off'),
    asked('no state', '/stateless'),
    asked('a host that is gone, tried again', '/retried', ports => [header(at(ports.nobody))]),
    ...statuses.flatMap(status =>
      ['usual', 'strict', 'allowed'].map(kind =>
        asked(`a host that is ${status}: ${kind}`, `/${status}/${kind}`, ports => [header(at(ports.raw))]),
      ),
    ),
    request('/direct'),
    stats(
      'cluster.two.upstream_cx_none_healthy',
      'cluster.one.upstream_cx_none_healthy',
      'cluster.UNHEALTHY-usual.upstream_cx_none_healthy',
      'cluster.UNHEALTHY-usual.lb_healthy_panic',
    ),
    distinctLines(173),
  ],
};
