/** The JWT authentication filter. */
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';
import { encoded, jwk, secretJwk, token } from './tokens.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.jwt_authn.v3';

const keys = JSON.stringify({
  keys: [
    jwk('RSA', { kid: 'rsa' }),
    jwk('ES256', { kid: 'ec', alg: 'ES256' }),
    jwk('ES384', { kid: 'ec-384' }),
    jwk('ES512', { kid: 'ec-521', alg: 'ES512' }),
    jwk('EdDSA', { kid: 'ed' }),
    secretJwk({ kid: 'secret' }),
  ],
});
const local = { local_jwks: { inline_string: keys } };

const now = Math.floor(Date.now() / 1000);
const hour = 3600;
const good = { iss: 'https://issuer.example', sub: 'ada', aud: 'shop', exp: now + hour };
const other = { ...good, iss: 'other' };

const providers: Json = {
  main: { issuer: good.iss, ...local },
  'of audiences': { issuer: good.iss, audiences: ['https://shop/', 'bar'], ...local },
  other: { issuer: 'other', from_headers: [{ name: 'x-other', value_prefix: '' }], ...local },
  anyone: { from_headers: [{ name: 'X-Anyone', value_prefix: 'Token ' }], from_params: ['jwt', 'a'], ...local },
  'in cookies': { from_cookies: ['session'], ...local },
  forwarding: { from_headers: [{ name: 'x-kept' }], from_params: ['kept'], forward: true, ...local },
  telling: {
    from_headers: [{ name: 'x-told' }],
    forward_payload_header: 'X-Payload',
    claim_to_headers: [
      { header_name: 'X-Sub', claim_name: 'sub' },
      { header_name: 'x-deep', claim_name: 'a.b.c' },
      { header_name: 'x-number', claim_name: 'number' },
      { header_name: 'x-fraction', claim_name: 'fraction' },
      { header_name: 'x-minus', claim_name: 'minus' },
      { header_name: 'x-flag', claim_name: 'flag' },
      { header_name: 'x-list', claim_name: 'list' },
      { header_name: 'x-nothing', claim_name: 'nothing' },
      { header_name: 'x-dotted', claim_name: 'dotted.name' },
    ],
    ...local,
  },
  padding: {
    from_headers: [{ name: 'x-pad' }],
    forward_payload_header: 'x-payload',
    pad_forward_payload_header: true,
    ...local,
  },
  rerouting: {
    from_headers: [{ name: 'x-reroute' }],
    claim_to_headers: [{ header_name: 'x-role', claim_name: 'role' }],
    clear_route_cache: true,
    ...local,
  },
  patient: { from_headers: [{ name: 'x-patient' }], clock_skew_seconds: 10 * hour, ...local },
  'of subjects': { from_headers: [{ name: 'x-subject' }], subjects: { prefix: 'ad' }, ...local },
  'of some time': { from_headers: [{ name: 'x-time' }], require_expiration: true, ...local },
  'of short time': { from_headers: [{ name: 'x-short' }], max_lifetime: `${6 * hour}s`, ...local },
  remembering: { from_headers: [{ name: 'x-cached' }], jwt_cache_config: { jwt_cache_size: 1 }, ...local },
  'with a broken key': {
    from_headers: [{ name: 'x-broken' }],
    local_jwks: { inline_string: JSON.stringify({ keys: [{ kty: 'RSA', n: 'x' }, jwk('RSA')] }) },
  },
};

const named = (name: string): Json => ({ provider_name: name });
const any = (...requirements: Json[]): Json => ({ requires_any: { requirements } });
const all = (...requirements: Json[]): Json => ({ requires_all: { requirements } });
const missing = { allow_missing: {} };
const failed = { allow_missing_or_failed: {} };

const requirements: Json = {
  main: named('main'),
  audiences: named('of audiences'),
  'other audiences': { provider_and_audiences: { provider_name: 'of audiences', audiences: ['other'] } },
  'no audiences': { provider_and_audiences: { provider_name: 'of audiences' } },
  anyone: named('anyone'),
  cookies: named('in cookies'),
  forwarding: named('forwarding'),
  telling: named('telling'),
  padding: named('padding'),
  rerouting: named('rerouting'),
  patient: named('patient'),
  subjects: named('of subjects'),
  time: named('of some time'),
  short: named('of short time'),
  cached: named('remembering'),
  broken: named('with a broken key'),
  'main or other': any(named('main'), named('other')),
  'main and other': all(named('main'), named('other')),
  'main or none': any(named('main'), missing),
  'main or bad': any(named('main'), failed),
  none: missing,
  bad: failed,
  nothing: {},
  nested: all(any(named('main'), missing), named('other')),
};

/** Routes whose paths name their requirement. */
const routes = Object.keys(requirements).map(name => ({
  ...route(`/${name.replaceAll(' ', '-')}`, 'raw'),
  typed_per_filter_config: { jwt: typed(`${filterType}.PerRouteConfig`, { requirement_name: name }) },
}));

const bearer = (text: string): string[] => [`authorization: Bearer ${text}`];
const get = (name: string, path: string, headers: string[] = [], method = 'GET'): Step =>
  request(path, { headers, method }, name);

/** One whose token is as old as `seconds` when it is shown, and not when this file was read. */
const aged = (name: string, seconds: number, claim: 'exp' | 'nbf'): Step => ({
  name,
  see: place => {
    const claims = { ...good, [claim]: Math.floor(Date.now() / 1000) - seconds };
    return get(name, '/main', bearer(token(claims))).see(place);
  },
});

export const tokenAuthentication: Scenario = {
  name: 'tokens',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'jwt',
          typed_config: typed(`${filterType}.JwtAuthentication`, {
            providers,
            requirement_map: requirements,
            bypass_cors_preflight: true,
            rules: [
              { match: { prefix: '/rule/open' } },
              { match: { path: '/rule/exact' }, requires: named('main') },
              {
                match: { prefix: '/rule/header', headers: [{ name: 'x-checked', present_match: true }] },
                requirement_name: 'main',
              },
              { match: { prefix: '/RULE/folded', case_sensitive: false }, requires: named('main') },
              { match: { safe_regex: { regex: '/rule/[0-9]+' } }, requires: named('main') },
              {
                match: { prefix: '/rule/query', query_parameters: [{ name: 'q', string_match: { exact: '1' } }] },
                requires: named('main'),
              },
            ],
          }),
        }),
        access_log: [fileLog(log, decisions)],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            {
              ...route('/rerouting', 'httpbin', { prefix_rewrite: '/anything' }),
              match: { prefix: '/rerouting', headers: [{ name: 'x-role', string_match: { exact: 'admin' } }] },
              name: 'for admins',
              response_headers_to_add: [{ header: { key: 'x-route', value: 'for admins' } }],
            },
            ...routes,
            {
              ...route('/wrong', 'raw'),
              typed_per_filter_config: { jwt: typed(`${filterType}.PerRouteConfig`, { requirement_name: 'nobody' }) },
            },
            {
              ...route('/rule/off', 'raw'),
              typed_per_filter_config: { jwt: typed(`${filterType}.PerRouteConfig`, { disabled: true }) },
            },
            route('/', 'raw'),
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('httpbin', [ports.httpbin])],
      bootstrap: { admin: { address: address(ports.admin) } },
    }),
  steps: [
    get('no token', '/main?a=b'),
    get('no token, by gRPC', '/main', ['content-type: application/grpc']),
    get('no token, a long path', `/main/${'x'.repeat(300)}`),
    get('a good token', '/main', bearer(token(good))),
    get('a good token as a parameter', `/main?b=1&access_token=${token(good)}&a=+x`),
    get('another scheme', '/main', ['authorization: Basic YTpi']),
    get('a scheme in small letters', '/main', [`authorization: bearer ${token(good)}`]),
    get('a word before the scheme', '/main', [`authorization: a Bearer ${token(good)}`]),
    get('more spaces', '/main', [`authorization: Bearer   ${token(good)}`]),
    get('a word behind the token', '/main', [`authorization: Bearer ${token(good)} x`]),
    get('two tokens', `/main?access_token=${token(good)}`, bearer(token(good))),
    get('a good one and a bad one', `/main?access_token=a.b.c`, bearer(token(good))),
    // Algorithms
    ...[
      'RS256',
      'RS384',
      'RS512',
      'PS256',
      'PS384',
      'PS512',
      'ES256',
      'ES384',
      'ES512',
      'EdDSA',
      'HS256',
      'HS384',
      'HS512',
    ].map(alg => get(alg, '/main', bearer(token(good, { alg })))),
    get('a kid', '/main', bearer(token(good, { kid: 'rsa' }))),
    get("another key's kid", '/main', bearer(token(good, { kid: 'ec' }))),
    get('an unknown kid', '/main', bearer(token(good, { kid: 'nobody' }))),
    get("a stranger's key", '/main', bearer(token(good, {}, 'stranger'))),
    get('HS256 with an RSA kid', '/main', bearer(token(good, { alg: 'HS256', kid: 'rsa' }))),
    get('no signature', '/main', bearer(`${encoded({ alg: 'none' })}.${encoded(good)}.`)),
    get('alg none', '/main', bearer(`${encoded({ alg: 'none' })}.${encoded(good)}.eA`)),
    get('a short signature of EdDSA', '/main', bearer(`${encoded({ alg: 'EdDSA' })}.${encoded(good)}.eA`)),
    // Forms
    get('two sections', '/main', bearer('a.b')),
    get('four sections', '/main', bearer('a.b.c.d')),
    get('an empty section', '/main', bearer('a..c')),
    get('a header that is no base64', '/main', bearer('a*.b.c')),
    get('a header of one character', '/main', bearer('a.b.c')),
    get('a header that is no JSON', '/main', bearer(`${encoded('x')}.${encoded(good)}.eA`)),
    get('a header that is a list', '/main', bearer(`${encoded('[]')}.${encoded(good)}.eA`)),
    get('no alg', '/main', bearer(`${encoded({})}.${encoded(good)}.eA`)),
    get('alg is a number', '/main', bearer(`${encoded({ alg: 1 })}.${encoded(good)}.eA`)),
    get('kid is a number', '/main', bearer(`${encoded({ alg: 'RS256', kid: 1 })}.${encoded(good)}.eA`)),
    get('claims that are no base64', '/main', bearer(`${encoded({ alg: 'RS256' })}.*.eA`)),
    get('claims that are no JSON', '/main', bearer(token('x'))),
    get('a signature that is no base64', '/main', bearer(`${encoded({ alg: 'RS256' })}.${encoded(good)}.a*`)),
    ...Object.entries({ iss: 1, sub: 1, iat: 'x', nbf: 'x', exp: 'x', jti: 1, aud: 1 }).map(([name, value]) =>
      get(`a bad ${name}`, '/main', bearer(token({ ...good, [name]: value }))),
    ),
    ...['iat', 'nbf', 'exp'].map(name => get(`a negative ${name}`, '/main', bearer(token({ ...good, [name]: -1 })))),
    get('aud with a number', '/main', bearer(token({ ...good, aud: ['shop', 1] }))),
    get('padding', '/main', bearer(`${encoded({ alg: 'RS256' })}==.${encoded(good)}=.eA==`)),
    // Claims
    get('another issuer', '/main', bearer(token(other))),
    get('no issuer', '/main', bearer(token({ sub: 'ada' }))),
    aged('expired', 300, 'exp'),
    aged('just expired', 20, 'exp'),
    aged('not yet valid', -300, 'nbf'),
    aged('almost valid', -20, 'nbf'),
    get('no end', '/main', bearer(token({ iss: good.iss }))),
    get('expired, with patience', '/patient', [`x-patient: ${token({ ...good, exp: now - hour })}`]),
    get('expired and signed by a stranger', '/main', bearer(token({ ...good, exp: 1 }, {}, 'stranger'))),
    get('an audience', '/audiences', bearer(token(good))),
    get('one of several audiences', '/audiences', bearer(token({ ...good, aud: ['x', 'http://bar'] }))),
    get('no audience of ours', '/audiences', bearer(token({ ...good, aud: 'x' }))),
    get('no audience', '/audiences', bearer(token({ iss: good.iss }))),
    get('other audiences', '/other-audiences', bearer(token({ ...good, aud: 'other' }))),
    get('an audience that does not count', '/other-audiences', bearer(token(good))),
    get('the audiences of the provider', '/no-audiences', bearer(token(good))),
    get('a subject', '/subjects', [`x-subject: ${token(good)}`]),
    get('another subject', '/subjects', [`x-subject: ${token({ ...good, sub: 'bob' })}`]),
    get('an end', '/time', [`x-time: ${token(good)}`]),
    get('without an end', '/time', [`x-time: ${token({ sub: 'ada' })}`]),
    get('a short life', '/short', [`x-short: ${token({ exp: now + hour })}`]),
    get('a long life', '/short', [`x-short: ${token({ ...good, exp: now + 10 * hour })}`]),
    get('an endless life', '/short', [`x-short: ${token({})}`]),
    // Locations
    get('a header of its own', '/anyone', [`x-anyone: Token ${token(good)}`]),
    get('the wrong prefix', '/anyone', [`x-anyone: ${token(good)}`]),
    get('two headers', '/anyone', [`x-anyone: Token ${token(good)}`, `x-anyone: Token ${token(other)}`]),
    get('a parameter among others', `/anyone?z=/&jwt=${token(good)}&b=1&b=2&c`),
    get('the only parameter', `/anyone?jwt=${token(good)}`),
    get('the usual place does not count', '/anyone', bearer(token(good))),
    get('a cookie', '/cookies', [`cookie: a=b; session=${token(good)}; c=d`]),
    get('another cookie', '/cookies', [`cookie: Session=${token(good)}`]),
    get('a token that is kept', '/forwarding', [`x-kept: ${token(good)}`]),
    get('a parameter that is kept', `/forwarding?z=1&kept=${token(good)}&a=1`),
    // What the upstream is told
    get('claims as headers', '/telling', [
      `x-told: ${token({ ...good, a: { b: { c: 'deep' } }, number: 42, fraction: 1.5, minus: -3, flag: false, list: [1, 'é'], 'dotted.name': 'x' })}`,
      'x-sub: forged',
      'x-payload: forged',
      'x-nothing: forged',
    ]),
    get('forged headers, no token', '/telling', ['x-sub: forged']),
    get('padded claims', '/padding', [`x-pad: ${token({ ...good, x: 1 })}`]),
    get('another route', '/rerouting', [`x-reroute: ${token({ ...good, role: 'admin' })}`]),
    get('the same route', '/rerouting', [`x-reroute: ${token({ ...good, role: 'guest' })}`]),
    get('a forged role', '/rerouting', [`x-reroute: ${token(good)}`, 'x-role: guest']),
    // Requirements
    get('main of two', '/main-or-other', bearer(token(good))),
    get('other of two', '/main-or-other', [`x-other: ${token(other)}`]),
    get('neither', '/main-or-other'),
    get('one is bad', '/main-or-other', [...bearer(token({ ...good, exp: 1 }))]),
    get('both are bad', '/main-or-other', [...bearer(token(other)), `x-other: ${token({ ...other, exp: 1 })}`]),
    get('both', '/main-and-other', [...bearer(token(good)), `x-other: ${token(other)}`]),
    get('only one of both', '/main-and-other', bearer(token(good))),
    get('only the other of both', '/main-and-other', [`x-other: ${token(other)}`]),
    get('main or none: none', '/main-or-none'),
    get('main or none: main', '/main-or-none', bearer(token(good))),
    get('main or none: bad', '/main-or-none', bearer('a.b.c')),
    get("main or none: another's", '/main-or-none', bearer(token(other))),
    get('main or bad: bad', '/main-or-bad', bearer('a.b.c')),
    get('main or bad: main', '/main-or-bad', bearer(token(good))),
    get('none', '/none'),
    get('none: good', '/none', bearer(token(good))),
    get('none: bad', '/none', bearer(token({ ...good, exp: 1 }))),
    get('none: of nobody', '/none', [`x-other: ${token({ iss: 'nobody' })}`]),
    get('bad: bad', '/bad', bearer('a.b.c')),
    get('bad: good and bad', '/bad', [...bearer(token(good)), 'x-other: a.b.c']),
    get('nothing', '/nothing', bearer('a.b.c')),
    get('nested', '/nested', [`x-other: ${token(other)}`]),
    get('nested: bad', '/nested', [`x-other: ${token(other)}`, ...bearer('a.b.c')]),
    get('a broken key before a good one', '/broken', [`x-broken: ${token(good)}`]),
    // Remembered tokens
    get('first', '/cached', [`x-cached: ${token({ ...good, n: 1 })}`]),
    get('again', '/cached', [`x-cached: ${token({ ...good, n: 1 })}`]),
    get('bad', '/cached', [`x-cached: ${token({ ...good, n: 1 }, {}, 'stranger')}`]),
    get('second', '/cached', [`x-cached: ${token({ ...good, n: 2 })}`]),
    // Rules and routes
    get('an open rule', '/rule/open'),
    get('an exact rule', '/rule/exact?a=b'),
    get('an exact rule, a longer path', '/rule/exact/x'),
    get('a rule of a header', '/rule/header', ['x-checked: 1']),
    get('a rule of a header that is not there', '/rule/header'),
    get('a rule without case', '/rule/FOLDED'),
    get('a rule by expression', '/rule/42'),
    get('a rule of a parameter', '/rule/query?q=1'),
    get('a rule of another parameter', '/rule/query?q=2'),
    get('switched off', '/rule/off'),
    get('a wrong name', '/wrong', bearer(token(good))),
    get('a preflight', '/main', ['origin: a', 'access-control-request-method: PUT'], 'OPTIONS'),
    get('no preflight', '/main', ['origin: a'], 'OPTIONS'),
    stats(
      ...[
        'allowed',
        'denied',
        'cors_preflight_bypassed',
        'jwt_cache_hit',
        'jwt_cache_miss',
        'jwks_fetch_success',
        'jwks_fetch_failed',
      ].map(name => `http.ingress.jwt_authn.${name}`),
      'http.ingress.downstream_rq_2xx',
      'http.ingress.downstream_rq_4xx',
    ),
    accessLog(138),
    // Here the paths differ, in the access log too.
    get('an encoded parameter', `/anyone?z=%20%2F&jwt=${token(good).replace('.', '%2E')}`),
  ],
};
