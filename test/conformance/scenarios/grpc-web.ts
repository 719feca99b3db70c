/** gRPC for browsers: gRPC-Web from the client, gRPC to the host. */

import { data, end, headers, post } from '../frames.ts';
import { accessLog, raw, request, type Scenario, type Step } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

const grpcWeb = {
  name: 'web',
  typed_config: typed('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb'),
};

/** A message as gRPC frames it. */
const message = (text: string): string => `\0\0\0\0${String.fromCharCode(text.length)}${text}`;
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

/** A step: a request of gRPC-Web. */
const call = (name: string, path: string, type: string, body: string, more: string[] = []): Step =>
  request(path, { method: 'POST', body, headers: [`content-type: ${type}`, ...more] }, name);

const chunked = (path: string, type: string, ...chunks: string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'host: example.com',
    `content-type: ${type}`,
    'transfer-encoding: chunked',
    '',
    ...chunks.flatMap(chunk => [chunk.length.toString(16), chunk]),
    '0',
    '',
    '',
  ].join('\r\n');

const web = 'application/grpc-web';
const webText = `${web}-text`;

/** All statistics whose names hold this. */
const statsOf = (part: string): Step => ({
  name: `statistics of ${part}`,
  see: async ({ ports }) => {
    const body = await (await fetch(`http://127.0.0.1:${ports.admin}/stats?filter=${part}`)).text();
    return body.split('\n').map(line => line.replace(/_time: .*/, '_time'));
  },
});

export const grpcForBrowsers: Scenario = {
  name: 'gRPC for browsers',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: chain(grpcWeb),
      routes: [
        route('/one', 'raw', { prefix_rewrite: '' }),
        { match: { prefix: '/direct' }, direct_response: { status: 403, body: { inline_string: 'no' } } },
        route('/example.Service/Fail', 'two', { prefix_rewrite: '/grpc' }),
        route('/example.Service/Only', 'two', { prefix_rewrite: '/grpc-only-trailers' }),
        route('/example.Service', 'two', { prefix_rewrite: '/trailers' }),
        route('/nobody', 'nobody'),
        route('/', 'two'),
      ],
      clusters: [
        cluster('raw', [ports.raw]),
        cluster('two', [ports.http2], overHttp2),
        cluster('nobody', [ports.nobody]),
      ],
    }),
  steps: [
    call('a call', '/grpc', web, message('hello')),
    call('a call with a subtype', '/grpc', `${web}+proto`, message('hello')),
    call('a call with another subtype', '/grpc', `${web}+json`, message('hello')),
    call('a call in capitals', '/grpc', 'Application/gRPC-Web', message('hello')),
    call('a call in text', '/grpc', webText, base64(message('hello'))),
    call('in text with a subtype', '/grpc', `${webText}+proto`, base64(message('hello'))),
    call('two messages in text', '/grpc', webText, base64(message('hell')) + base64(message('o')), [
      `accept: ${webText}`,
    ]),
    call('text with padding within', '/grpc', webText, base64(message('hello')) + base64(message('a'))),
    raw('chunks of text', chunked('/grpc', webText, 'AAAA', 'AAVoZ', 'Wxs', 'bw==')),
    raw('chunks', chunked('/grpc', web, message('a'), message('bc'))),
    call('text that is none', '/grpc', webText, 'no!base64'),
    call('text that is cut short', '/grpc', webText, 'AAAAAAVoZ'),
    raw('text in chunks that is none', chunked('/grpc', webText, 'AAAA', '!!!!')),
    call('accepting text', '/grpc', web, message('hello'), [`accept: ${webText}`]),
    call('accepting binary', '/grpc', webText, base64(message('hello')), [`accept: ${web}`]),
    call('accepting all', '/grpc', webText, base64(message('hello')), ['accept: */*']),
    call('what the upstream sees', '/echo', web, message('hello'), ['x-grpc-web: 1', 'te: a', 'accept: x']),
    call('what the upstream sees of text', '/echo', webText, base64(message('hello')), ['x-user-agent: grpc-web']),
    call('what the upstream sees of HTTP/1', '/one/echo', web, message('hello')),
    call('a body of HTTP/1', '/one/echo-body', webText, base64(message('hello'))),
    call('no gRPC-Web', '/grpc', 'application/grpc', message('hello')),
    call('no gRPC-Web, other trailers', '/trailers', 'text/plain', 'hello'),
    call('other trailers', '/trailers', web, message('hello')),
    call('nothing but trailers', '/grpc-only-trailers', web, message('hello')),
    call('nothing but trailers in text', '/grpc-only-trailers', webText, base64(message('hello'))),
    call('no content', '/no-content', web, message('hello')),
    call('an error without gRPC', '/one/truncated', web, message('hello')),
    call('a reset', '/reset', web, message('hello')),
    call('nobody', '/nobody', web, message('hello')),
    call('nobody in text', '/nobody', webText, base64(message('hello'))),
    call('a direct response', '/direct', web, message('hello')),
    call('no body', '/grpc', web, ''),
    request('/grpc', { headers: [`content-type: ${web}`] }, 'GET'),
    call('a method', '/example.Service/Do', web, message('hello')),
    call('a method that fails', '/example.Service/Fail', web, message('hello')),
    call('a method that fails at once', '/example.Service/Only', web, message('hello')),
    call('a method of gRPC', '/example.Service/Fail', 'application/grpc', message('hello')),
    frames('over HTTP/2', [headers(1, post('/grpc', `content-type: ${web}`), 0), data(1, message('hello'), end)]),
    frames('over HTTP/2 in text', [
      headers(1, post('/grpc', `content-type: ${webText}`), 0),
      data(1, base64(message('hello')), end),
    ]),
    statsOf('grpc'),
  ],
};

const statsType = 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig';

/** How many messages of a call its log tells, in all forms, and where nobody counts. */
const state = (form: string): string => `%FILTER_STATE(envoy.filters.http.grpc_stats${form})%`;
const stateFormat = `${state('')} ${state(':PLAIN')} ${state(':TYPED')} ${state(':FIELD:request_message_count')} ${state(':FIELD:x')}\n`;

const countedCalls = (name: string, configuration: Record<string, unknown>): Scenario => ({
  name: `counted calls of gRPC: ${name}`,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'stats', typed_config: typed(statsType, configuration) }),
        access_log: [fileLog(log, stateFormat)],
      },
      routes: [
        route('/example.Service/Fail', 'two', { prefix_rewrite: '/grpc' }),
        route('/example.Service/Only', 'two', { prefix_rewrite: '/grpc-only-trailers' }),
        route('/example.v1.Service/Fail', 'two', { prefix_rewrite: '/grpc' }),
        route('/example.v1.Service/Gone', 'nobody'),
        route('/', 'two'),
      ],
      clusters: [cluster('two', [ports.http2], overHttp2), cluster('nobody', [ports.nobody])],
    }),
  steps: [
    call('one message', '/example.Service/Fail', 'application/grpc', message('hello')),
    call('two messages', '/example.Service/Fail', 'application/grpc+proto', message('hello') + message('again')),
    raw(
      'messages split in chunks',
      chunked(
        '/example.Service/Fail',
        'application/grpc',
        message('hello').slice(0, 3),
        message('hello').slice(3),
        message('a'),
      ),
    ),
    call('nothing but trailers', '/example.Service/Only', 'application/grpc', message('hello')),
    call('dots', '/example.v1.Service/Fail', 'application/grpc', message('hello')),
    call('another method', '/example.Service/Other', 'application/grpc', message('hello')),
    call('nobody', '/example.v1.Service/Gone', 'application/grpc', message('hello')),
    call('no gRPC', '/example.Service/Fail', 'text/plain', message('hello')),
    call('gRPC-Web', '/example.Service/Fail', web, message('hello')),
    call('a path of one part', '/grpc', 'application/grpc', message('hello')),
    call('a path of three parts', '/example.Service/Fail/more', 'application/grpc', message('hello')),
    statsOf('grpc'),
    accessLog(11, line => line),
  ],
});

export const grpcStats: Scenario[] = [
  countedCalls('without names', {}),
  countedCalls('all methods', { stats_for_all_methods: true, enable_upstream_stats: true }),
  countedCalls('some methods', {
    individual_method_stats_allowlist: { services: [{ name: 'example.Service', method_names: ['Fail'] }] },
    replace_dots_in_grpc_service_name: true,
    emit_filter_state: true,
  }),
  countedCalls('all methods, without dots', { stats_for_all_methods: true, replace_dots_in_grpc_service_name: true }),
];
