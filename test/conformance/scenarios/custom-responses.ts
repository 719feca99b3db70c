/** Other responses in the place of some (Envoy's custom_response). */
import { headers, post } from '../frames.ts';
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, typed } from './filters.ts';
import { frames } from './http2.ts';

type Json = Record<string, unknown>;

const extension = (type: string, configuration: Json = {}): Json => ({
  name: type,
  typed_config: typed(type, configuration),
});
const status = extension('envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput');
const statusClass = extension('envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput');
const header = (header_name: string): Json =>
  extension('envoy.type.matcher.v3.HttpResponseHeaderMatchInput', { header_name });

const policies = 'envoy.extensions.http.custom_response';
const own = (said: Json): Json => ({
  action: extension(`${policies}.local_response_policy.v3.LocalResponsePolicy`, said),
});
const elsewhere = (said: Json): Json => ({ action: extension(`${policies}.redirect_policy.v3.RedirectPolicy`, said) });

const by = (input: Json, map: Json): Json => ({ matcher_tree: { input, exact_match_map: { map } } });
const on = (...entries: [input: Json, value: string, on_match: Json][]): Json => ({
  matcher_list: {
    matchers: entries.map(([input, exact, on_match]) => ({
      predicate: { single_predicate: { input, value_match: { exact } } },
      on_match,
    })),
  },
});

const type = 'envoy.extensions.filters.http.custom_response.v3.CustomResponse';
const name = 'custom_response';
const said = (custom_response_matcher?: Json): Json =>
  typed(type, { ...(custom_response_matcher && { custom_response_matcher }) });
const filter = (matcher?: Json) => ({ name, typed_config: said(matcher) });
const telling = (matcher: Json) => ({ typed_per_filter_config: { [name]: said(matcher) } });

const added = (key: string, value: string, append_action = 'APPEND_IF_EXISTS_OR_ADD'): Json => ({
  header: { key, value },
  append_action,
});

const answering = (prefix: string, code: number, more: Json = {}): Json => ({
  match: { prefix },
  direct_response: { status: code, body: { inline_string: `plain ${code}` } },
  ...more,
});

const logged =
  '%REQ(:PATH)% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %ROUTE_NAME%\n';

const logAndChain = (log: string, matcher?: Json) => ({
  ...chain(filter(matcher)),
  access_log: [fileLog(log, logged)],
});

const customAnswers: Scenario = {
  name: 'answers of our own in place of others',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: logAndChain(
        log,
        by(status, {
          '404': own({ body: { inline_string: 'not here\n' }, response_headers_to_add: [added('x-ours', 'a')] }),
          '500': own({}),
          '503': own({
            status_code: 200,
            body: { inline_string: 'sorry' },
            body_format: { text_format: '%LOCAL_REPLY_BODY%: %RESPONSE_CODE% %REQ(:path)% %RESP(x-of-route)%\n' },
            response_headers_to_add: [added('content-type', 'text/html', 'OVERWRITE_IF_EXISTS_OR_ADD')],
          }),
          '418': own({
            body: { inline_string: 'tea' },
            body_format: { json_format: { said: '%LOCAL_REPLY_BODY%', code: '%RESPONSE_CODE%' } },
          }),
        }),
      ),
      clusters: [cluster('httpbin', [ports.httpbin]), cluster('raw', [ports.raw]), cluster('none', [])],
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          ...telling(by(statusClass, { '4xx': own({ status_code: 499, body: { inline_string: 'of the host' } }) })),
          routes: [
            answering('/direct', 503, { response_headers_to_add: [added('x-of-route', 'r')] }),
            {
              ...answering('/deep', 404),
              ...telling(on([header('content-type'), 'text/plain', own({ body: { inline_string: 'by its type' } })])),
            },
            {
              ...answering('/other', 418),
              ...telling(by(status, { '500': own({ body: { inline_string: 'never' } }) })),
            },
            {
              ...answering('/off', 404),
              typed_per_filter_config: { [name]: typed('envoy.config.route.v3.FilterConfig', { disabled: true }) },
            },
            route('/nobody', 'none'),
            route('/status', 'httpbin'),
            route('/', 'httpbin'),
          ],
        },
      ],
    }),
  steps: [
    request('/direct'),
    request('/deep'),
    request('/other'),
    request('/off'),
    request('/nobody'),
    request('/status/404'),
    request('/status/418'),
    request('/status/500'),
    request('/status/503'),
    request('/get'),
    request('/direct', { method: 'HEAD' }),
    request('/status/503', { method: 'POST', body: 'hello' }),
    frames('gRPC', [headers(1, post('/direct', 'content-type: application/grpc'))]),
    stats(
      ...['2xx', '4xx', '5xx'].map(kind => `http.ingress.downstream_rq_${kind}`),
      'cluster.httpbin.upstream_rq_503',
      'cluster.httpbin.upstream_rq_completed',
    ),
    accessLog(13),
  ],
};

const customRedirects: Scenario = {
  name: 'answers of other routes in place of others',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: logAndChain(
        log,
        by(status, {
          '401': elsewhere({
            uri: 'http://other.example/sorry?why=401#part',
            status_code: 402,
            request_headers_to_add: [added('x-why', '%REQ(:path)%')],
            response_headers_to_add: [added('x-ours', '%RESPONSE_CODE%')],
          }),
          '403': elsewhere({ redirect_action: { path_redirect: '/sorry?a', host_redirect: 'other.example' } }),
          '404': elsewhere({ uri: 'https://nowhere.example/' }),
          '500': elsewhere({ uri: 'http://other.example/broken', status_code: 200 }),
          '501': elsewhere({
            uri: 'http://other.example/moved',
            status_code: 203,
            response_headers_to_add: [added('x-ours', 'a')],
          }),
          '505': elsewhere({
            uri: 'http://other.example/upstream',
            status_code: 999,
            response_headers_to_add: [added('x-ours', 'a')],
          }),
          '502': own({ body: { inline_string: 'ours' } }),
          '503': elsewhere({ uri: 'http://other.example/plain' }),
          '504': elsewhere({
            redirect_action: { host_redirect: 'other.example', https_redirect: true, strip_query: true },
          }),
        }),
      ),
      clusters: [cluster('httpbin', [ports.httpbin]), cluster('raw', [ports.raw])],
      virtualHosts: [
        {
          name: 'other',
          domains: ['other.example'],
          routes: [
            { ...route('/sorry', 'raw', { prefix_rewrite: '/echo' }), name: 'sorry' },
            answering('/broken', 502, { name: 'broken' }),
            answering('/moved', 302, { name: 'moved' }),
            { ...route('/upstream', 'httpbin', { prefix_rewrite: '/status/418' }), name: 'upstream' },
            answering('/plain', 200, { name: 'plain' }),
            { ...route('/status', 'raw', { prefix_rewrite: '/echo' }), name: 'same' },
          ],
        },
        {
          name: 'all',
          domains: ['example.com'],
          routes: [answering('/direct', 401), route('/', 'httpbin')],
        },
      ],
    }),
  steps: [
    request('/direct'),
    request('/status/401'),
    request('/status/403?b=c'),
    request('/status/404'),
    request('/status/500'),
    request('/status/501'),
    request('/status/505'),
    request('/status/502'),
    request('/status/503', { headers: ['x-more: a'] }),
    request('/status/503', { method: 'POST', body: 'hello' }),
    request('/status/504?b=c'),
    request('/get'),
    stats(
      'http.ingress.custom_response_redirect_no_route',
      'http.ingress.custom_response_invalid_uri',
      'http.ingress.downstream_rq_total',
      'http.ingress.downstream_rq_completed',
      ...['2xx', '4xx', '5xx'].map(kind => `http.ingress.downstream_rq_${kind}`),
      'cluster.httpbin.upstream_rq_completed',
      'cluster.raw.upstream_rq_completed',
    ),
    accessLog(20),
  ],
};

export const customResponses: Scenario[] = [customAnswers, customRedirects];
