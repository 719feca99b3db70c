/** JWT authentication by keys that are fetched: from the proxy's own listener, which answers with a key set. */
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';
import { jwk, token } from './tokens.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.jwt_authn.v3';
const keys = JSON.stringify({ keys: [jwk('ES256')] });

const provider = (name: string, uri: string, from: string, more: Json = {}): Json => ({
  from_headers: [{ name: `x-${name}` }],
  forward: true,
  remote_jwks: { http_uri: { uri, cluster: from, timeout: '1s' }, ...more },
});
const named = (name: string): Json => ({ provider_name: name });
const rule = (name: string): Json => ({ match: { prefix: `/${name}` }, requires: named(name) });
const answering = (path: string, text: string, status = 200): Json => ({
  match: { path },
  direct_response: { status, body: { inline_string: text } },
});

const good = token({ sub: 'ada' }, { alg: 'ES256' });
const stranger = token({ sub: 'ada' }, {}, 'stranger');
const expired = token({ exp: 1 }, { alg: 'ES256' });
const get = (path: string, text: string, name: string, more: string[] = []): Step =>
  request(path, { headers: [`x-${path.slice(1)}: ${text}`, ...more] }, name);

export const remoteKeys: Scenario = {
  name: 'tokens whose keys are fetched',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'jwt',
          typed_config: typed(`${filterType}.JwtAuthentication`, {
            providers: {
              kept: provider('kept', 'http://keys.example/keys?a=b', 'self'),
              brief: provider('brief', 'http://keys.example:81/keys', 'self', { cache_duration: '0.001s' }),
              absent: provider('absent', 'http://keys.example/sets/absent', 'self'),
              garbage: provider('garbage', 'http://keys.example/sets/garbage', 'self'),
              broken: provider('broken', 'http://keys.example/', 'nobody'),
              asked: provider('asked', 'https://keys.example', 'raw'),
              lost: provider('lost', 'http://keys.example/keys', 'unknown'),
            },
            rules: [...['kept', 'brief', 'absent', 'garbage', 'broken', 'asked', 'lost'].map(rule)],
          }),
        }),
        access_log: [fileLog(log, decisions)],
      },
      routes: [
        answering('/keys', keys),
        answering('/sets/absent', keys, 404),
        answering('/sets/garbage', '{}'),
        route('/', 'raw'),
      ],
      clusters: [cluster('self', [ports.listener]), cluster('raw', [ports.raw]), cluster('nobody', [ports.nobody])],
      bootstrap: { admin: { address: address(ports.admin) } },
    }),
  steps: [
    request('/kept'),
    get('/kept', expired, 'an expired token: nothing is fetched'),
    get('/kept', good, 'the first token'),
    get('/kept', good, 'the second one'),
    get('/kept', stranger, "a stranger's"),
    get('/brief', good, 'keys that are hardly kept'),
    get('/brief', good, 'keys that are fetched again'),
    request(
      '/brief',
      { method: 'POST', body: 'abc', headers: [`x-brief: ${good}`] },
      'a body that waits until the keys are there',
    ),
    get('/absent', good, 'no keys there'),
    get('/garbage', good, 'no key set there'),
    get('/broken', good, 'nobody there'),
    get('/lost', good, 'no such cluster'),
    get('/asked', good, 'an upstream that answers with something else'),
    request('/last', {}, 'what that upstream was asked'),
    stats(
      'http.ingress.jwt_authn.allowed',
      'http.ingress.jwt_authn.denied',
      'http.ingress.jwt_authn.jwks_fetch_success',
      'http.ingress.jwt_authn.jwks_fetch_failed',
      'cluster.self.upstream_rq_total',
      'cluster.self.upstream_rq_200',
      'cluster.self.internal.upstream_rq_404',
      'cluster.nobody.upstream_rq_503',
    ),
    accessLog(20),
  ],
};
