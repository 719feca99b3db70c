/** Paths that match templates, and are made of what they found. */
import { request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster } from './configuration.ts';
import { api } from './discovery.ts';

type Json = Record<string, unknown>;

const matching = (template: string): Json => ({
  path_match_policy: {
    name: 'match',
    typed_config: {
      '@type': api('extensions.path.match.uri_template.v3.UriTemplateMatchConfig'),
      path_template: template,
    },
  },
});

const rewriting = (rewrite: string): Json => ({
  path_rewrite_policy: {
    name: 'rewrite',
    typed_config: {
      '@type': api('extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig'),
      path_template_rewrite: rewrite,
    },
  },
});

const answering = (template: string, more: Json = {}): Json => ({
  match: { ...matching(template), ...more },
  direct_response: { status: 200, body: { inline_string: template } },
});

const templates = [
  '/a/*',
  '/a/**.m4s',
  '/b/{b}',
  '/b/{b=c/*}/d',
  '/c/a{b}c/d',
  '/c/{a}.x/b',
  '/d/',
  '/e/**/end',
  '/f/**',
];

export const uriTemplates: Scenario = {
  name: 'templates of paths',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        { match: matching('/to/{a}/{b=**}'), route: { cluster: 'raw', ...rewriting('/echo/{b}/{a}.x') } },
        {
          match: { ...matching('/regex/{a}') },
          route: { cluster: 'raw', regex_rewrite: { pattern: { regex: '^/regex' }, substitution: '/echo' } },
        },
        { match: matching('/redirected/{a}'), redirect: { path_redirect: '/there' } },
        answering('/A/{a}', { case_sensitive: false, headers: [{ name: 'x-a' }] }),
        ...templates.map(template => answering(template)),
      ],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    ...['/to/a/b/c?d=/e', '/to/a/', '/to/a', '/regex/a?b=c', '/redirected/a?b'].map(path => request(path)),
    request('/A/b', { headers: ['x-a: 1'] }),
    request('/a/b', { headers: ['x-a: 1'] }),
    ...['/A/b', '/a/b', '/a/b=c*', '/a/b|c', '/a/%20', '/a/', '/a/b/c.m4s?x', '/a/b/cxm4s', '/b/x', '/b/x/y'],
    ...['/b/c/x/d', '/c/axc/d', '/c/ac/d', '/c/y.x/b', '/c/yzx/b', '/d', '/d/', '/e/end', '/e/a/b/end', '/f', '/f/'],
  ]
    .map(step => (typeof step === 'string' ? request(step) : step))
    .concat(stats('http.ingress.no_route')),
};
