import { raw, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { managerStats } from './failures.ts';
import { overHttp2 } from './http2.ts';

/** Which route a request meets, and what it is rewritten to. */
export const routing: Scenario = {
  name: 'routes and rewriting',
  config: (ports, log) =>
    bootstrap(ports, log, {
      virtualHosts: [
        {
          name: 'exact',
          domains: ['exact.com'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'exact' } } }],
        },
        {
          name: 'suffix',
          domains: ['*.suffix.com'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'suffix' } } }],
        },
        {
          name: 'prefix',
          domains: ['prefix.*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'prefix' } } }],
        },
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { path: '/exact' }, direct_response: { status: 200, body: { inline_string: 'path' } } },
            {
              match: { path: '/CASELESS', case_sensitive: false },
              direct_response: { status: 200, body: { inline_string: 'caseless' } },
            },
            {
              match: { safe_regex: { regex: '/regex/[0-9]+' } },
              direct_response: { status: 200, body: { inline_string: 'regex' } },
            },
            {
              match: { path_separated_prefix: '/separated' },
              direct_response: { status: 200, body: { inline_string: 'separated' } },
            },
            {
              match: { prefix: '/by-header', headers: [{ name: 'x-user', string_match: { exact: 'tester' } }] },
              direct_response: { status: 200, body: { inline_string: 'tester' } },
            },
            {
              match: { prefix: '/by-header', headers: [{ name: 'x-any', present_match: true }] },
              direct_response: { status: 200, body: { inline_string: 'any' } },
            },
            {
              match: {
                prefix: '/by-header',
                headers: [
                  {
                    name: 'x-not',
                    string_match: { prefix: 'a' },
                    invert_match: true,
                    treat_missing_header_as_empty: false,
                  },
                  { name: ':method', string_match: { exact: 'POST' } },
                ],
              },
              direct_response: { status: 200, body: { inline_string: 'inverted' } },
            },
            {
              match: { prefix: '/by-query', query_parameters: [{ name: 'q', string_match: { exact: '1' } }] },
              direct_response: { status: 200, body: { inline_string: 'query' } },
            },
            { match: { prefix: '/rewritten/' }, route: { cluster: 'raw', prefix_rewrite: '/echo/' } },
            {
              match: { prefix: '/regex-rewritten' },
              route: {
                cluster: 'raw',
                regex_rewrite: { pattern: { regex: '^/regex-rewritten/(.*)$' }, substitution: '/echo/\\1/x' },
              },
            },
            { match: { prefix: '/host' }, route: { cluster: 'raw', host_rewrite_literal: 'rewritten.com' } },
            {
              match: { prefix: '/headers' },
              route: { cluster: 'raw' },
              request_headers_to_add: [
                { header: { key: 'x-added', value: 'a' } },
                { header: { key: 'x-over', value: 'b' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
                { header: { key: 'x-protocol', value: '%PROTOCOL%' } },
              ],
              request_headers_to_remove: ['x-gone'],
              response_headers_to_add: [
                { header: { key: 'x-answered', value: 'c' } },
                { header: { key: 'content-type', value: 'text/x' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
              ],
              response_headers_to_remove: ['content-length-x'],
            },
            { match: { prefix: '/timeout-1' }, route: { cluster: 'raw', timeout: '1s' } },
            { match: { prefix: '/timeout-0' }, route: { cluster: 'raw', timeout: '0s' } },
            {
              match: { prefix: '/per-try' },
              route: { cluster: 'raw', timeout: '2s', retry_policy: { retry_on: '5xx', per_try_timeout: '0.5s' } },
            },
            route('/', 'raw'),
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    ...['exact.com', 'a.suffix.com', 'suffix.com', 'prefix.org', 'EXACT.com', 'exact.com:80'].map(host =>
      raw(`host ${host}`, `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`),
    ),
    ...[
      '/exact',
      '/exact/',
      '/exact?x',
      '/caseless',
      '/regex/12',
      '/regex/12/3',
      '/separated',
      '/separated/a',
      '/separatedly',
    ].map(path => request(path)),
    request('/by-header', { headers: ['x-user: tester'] }),
    request('/by-header', { headers: ['x-user: other', 'x-any: 1'] }),
    request('/by-header', { method: 'POST' }),
    request('/by-query?q=1'),
    request('/by-query?q=2'),
    request('/rewritten/a/b?c=d'),
    request('/regex-rewritten/a?c=d'),
    request('/host'),
    request('/headers', { headers: ['x-added: own', 'x-over: own', 'x-gone: 1'] }),
    request('/timeout-1'),
    request('/timeout-0'),
    request('/per-try'),
    request('/a//b/../c/%2e%2e/d'),
    stats(...managerStats),
  ],
};

const headerRoute = (name: string, matcher: Record<string, unknown>) => ({
  match: {
    prefix: '/',
    headers: [
      { name: 'x-user', ...matcher },
      { name: 'x-case', string_match: { exact: name } },
    ],
  },
  direct_response: { status: 200, body: { inline_string: 'matched' } },
});

const matchers: Record<string, Record<string, unknown>> = {
  exact: { string_match: { exact: 'tester' } },
  'not-exact': { string_match: { exact: 'tester' }, invert_match: true },
  joined: { string_match: { exact: 'tester,other' } },
  'not-joined': { string_match: { exact: 'tester,other' }, invert_match: true },
  prefix: { string_match: { prefix: 'oth' } },
  regex: { string_match: { safe_regex: { regex: 'tester|other' } } },
  range: { range_match: { start: 1, end: 5 } },
  present: { present_match: true },
  empty: { string_match: { exact: '' }, treat_missing_header_as_empty: true },
};

/** A header that comes more than once is tested value by value. */
export const repeatedHeaders: Scenario = {
  name: 'headers that come more than once',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: Object.entries(matchers).map(([name, matcher]) => headerRoute(name, matcher)),
      clusters: [],
    }),
  steps: Object.keys(matchers).flatMap(name =>
    [
      ['tester', 'other'],
      ['other', 'tester'],
      ['tester', 'tester'],
      ['other', 'another'],
      ['tester,other'],
      ['9', '3'],
      [],
    ].map(values => request('/', { headers: [`x-case: ${name}`, ...values.map(value => `x-user: ${value}`)] })),
  ),
};

/** Heads hold bytes: what a configuration says in other letters goes out in UTF-8. */
export const otherLetters: Scenario = {
  name: 'letters beyond ASCII in a configuration',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/prefix', 'raw', { prefix_rewrite: '/漢字Ċx', host_rewrite_literal: 'é.com' }),
        route('/two', 'two', { prefix_rewrite: '/漢字' }),
        route('/regex', 'raw', { regex_rewrite: { pattern: { regex: 'reg' }, substitution: 'ö' } }),
        { match: { prefix: '/path' }, redirect: { path_redirect: '/Āb' } },
        { match: { prefix: '/host' }, redirect: { host_redirect: 'ü.com', prefix_rewrite: '/ß' } },
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('two', [ports.http2], overHttp2)],
      manager: { server_name: 'Ümläut' },
    }),
  steps: ['/prefix', '/two', '/regex', '/path', '/host'].map(path => request(path)),
};
