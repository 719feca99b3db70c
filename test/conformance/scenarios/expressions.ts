/** Expressions of CEL in access logs: attributes and values. */
import { accessLog, normalizeText, request, type Scenario, type Step } from '../scenario.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';
import { chain, typed } from './filters.ts';

type Json = Record<string, unknown>;

/** What is asked of each request, one expression a line. */
const attributes = `request.path
request.url_path
request.host
request.scheme
request.method
request.query
request.headers
request.headers['x-text']
request.headers['X-TEXT']
request.headers['none']
request.headers[':path']
request.referer
request.useragent
request.id
request.protocol
request.size
request.total_size
request.headers_bytes
response.code
response.code_details
response.flags
response.grpc_status
response.headers['content-type']
response.trailers
response.size
connection.mtls
connection.requested_server_name
connection.tls_version
connection.sha256_peer_certificate_digest
connection.termination_details
connection.transport_failure_reason
source.address
destination.address
destination.port
upstream.address
upstream.port
upstream.local_address
upstream.locality.region
upstream.locality.sub_zone
upstream.transport_failure_reason
upstream.request_attempt_count
upstream.tls_version
metadata.filter_metadata
metadata.filter_metadata['a']
metadata.filter_metadata.a.text
metadata.filter_metadata['none']
metadata.typed_filter_metadata
filter_state
filter_state['none']
xds
xds.cluster_name
xds.cluster_metadata.filter_metadata['c']
xds.route_name
xds.route_metadata.filter_metadata['r']
xds.route_metadata.filter_metadata['r']['list'][1]
xds.route_metadata.filter_metadata['r']['list'][7]
xds.route_metadata.filter_metadata['r']['number'] > 1
xds.route_metadata.filter_metadata['r']['of']['yes']
xds.virtual_host_name
xds.virtual_host_metadata.filter_metadata['v']
xds.upstream_host_metadata.filter_metadata['h']
xds.filter_chain_name
xds.listener_metadata.filter_metadata['l']
xds.listener_direction
request
source
none
request.none`.split('\n');

/** What has the same value for every request. */
const values = `1 + 1
1u
1.5
2.0
b'abc'
null
[1, 'a', true, null, 1.5]
[]
{'b': [1], 'a': {'c': 2u}}
{1: 2}
true
'a' + 'b'
[1] + [2]
request.path + 'a'
timestamp('2020-01-01T00:00:00Z')
timestamp('2020-01-01T00:00:00.123456789Z')
duration('90s')
duration('-90.5s')
duration('0s')
duration('3600s')
duration('0.000001s')
duration('0.0015s')
duration('90061.25s')
[duration('1s')]
has(request.path)
has(request.referer)
has(request.headers.none)
'x-text' in request.headers
'none' in request.headers
size(request.headers) > 3
request.path.startsWith('/g')
request.path.endsWith('b')
request.path.contains('e')
request.path.matches('^/[a-z]+')
request.path.matches('e')
int('3')
int('x')
int(1.9)
bool('true')
double(1)
uint(1)
dyn(1)
bytes('a')
size('abc')
type(1) == int
type(1)
1/0
7 % 4
-7 / 2
9223372036854775807 + 1
123456789012345678
1234567.0
0.00001234
1000000.0
1.0/3.0
1e30
1 == 1.0
1 < 2u
'é'
'%'
'a' == 'a' ? 'yes' : 'no'
!(request.method == 'POST')
request.method in ['GET', 'HEAD']
request.headers['none'] == 'v'
request.headers['none'] == 'v' || true
request.headers['none'] == 'v' && false
request.time > timestamp('2020-01-01T00:00:00Z')
request.time.getFullYear() > 2000
request.time + duration('1h') > request.time
request.duration < duration('100s')
connection.id >= 0u
source['address'] == source.address
source.address.startsWith('127.0.0.1:')`.split('\n');

const logged = (log: string, expressions: readonly string[]): Json =>
  typedLog(log, {
    json_format: Object.fromEntries(
      expressions.map(text => [text, { text: `%CEL(${text})%`, typed: `%TYPED_CEL(${text})%` }]),
    ),
  });

const typedLog = (path: string, log_format: Json): Json => ({
  name: 'log',
  typed_config: typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path, log_format }),
});

const anyPort = (line: string): string =>
  normalizeText(line)
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/(port":\{"text":")\d+(","typed":)\d+/g, '$1<port>$20');

/** Each line of the log, by its expressions. */
const entries = (lines: number): Step => ({
  name: 'what the expressions find',
  see: async place => ((await accessLog(lines, anyPort).see(place)) as string[]).map(line => JSON.parse(line) as Json),
});

const metadata = (name: string, fields: Json): Json => ({ metadata: { filter_metadata: { [name]: fields } } });
const toMetadata = {
  name: 'metadata',
  typed_config: typed('envoy.extensions.filters.http.header_to_metadata.v3.Config', {
    request_rules: [{ header: 'x-text', on_header_present: { metadata_namespace: 'a', key: 'text' } }],
  }),
};

const found = (name: string, formats: (log: string) => Json[], steps: Step[], lines: number): Scenario => ({
  name,
  config: (ports, log) => {
    const parts = bootstrap(ports, log, {
      manager: { ...chain(toMetadata), access_log: formats(log), use_remote_address: true },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          ...metadata('v', { key: 'host' }),
          routes: [
            {
              ...route('/get', 'httpbin', { prefix_rewrite: '/get/new' }),
              name: 'named',
              ...metadata('r', { list: [1, 'two'], number: 1.5, of: { yes: true } }),
            },
            { match: { prefix: '/direct' }, direct_response: { status: 418, body: { inline_string: 'a teapot' } } },
            route('/gone', 'gone'),
            route('/unknown', 'unknown'),
            route('/', 'httpbin'),
          ],
        },
      ],
      routeConfiguration: { validate_clusters: false },
      clusters: [
        {
          ...cluster('httpbin', []),
          ...metadata('c', { key: 'cluster' }),
          load_assignment: {
            cluster_name: 'httpbin',
            endpoints: [
              {
                locality: { region: 'west', zone: 'first' },
                lb_endpoints: [{ endpoint: { address: address(ports.httpbin) }, ...metadata('h', { key: 'host' }) }],
              },
            ],
          },
        },
        cluster('gone', [1]),
      ],
    }) as { static_resources: { listeners: Json[] } };
    const [listener] = parts.static_resources.listeners;
    const [filterChain] = listener!.filter_chains as Json[];
    Object.assign(listener!, { traffic_direction: 'OUTBOUND', ...metadata('l', { key: 'listener' }) });
    Object.assign(filterChain!, { name: 'the chain' });
    return parts;
  },
  steps: [...steps, entries(lines)],
});

export const expressionAttributes: Scenario = found(
  'attributes in expressions',
  log => [logged(log, attributes)],
  [
    request('/get/b?c=d&e', { headers: ['x-text: ada', 'user-agent: test', 'referer: http://there/'] }),
    request('/get', { headers: ['x-text: é', 'x-text: two'] }),
    request('/direct'),
    request('/gone'),
    request('/unknown'),
    request('/post', { method: 'POST', body: 'hello' }),
    request('/status/503', { headers: ['content-type: application/grpc'] }),
  ],
  7,
);

export const expressionValues: Scenario = found(
  'values of expressions',
  log => [
    logged(log, values),
    typedLog(log, {
      json_format: { short: "%CEL('abcdef'):3%", list: '%TYPED_CEL([1,2,3]):3%', text: '<%TYPED_CEL([1])%>' },
      formatters: [{ name: 'cel', typed_config: typed('envoy.extensions.formatter.cel.v3.Cel') }],
    }),
    typedLog(log, {
      text_format_source: {
        inline_string: '{"text":"%CEL(request.headers)% %TYPED_CEL([1, 2])% %TYPED_CEL([1]):4% %CEL(none)%"}\n',
      },
    }),
  ],
  [request('/get?a=b', { headers: ['x-text: ada'] })],
  3,
);
