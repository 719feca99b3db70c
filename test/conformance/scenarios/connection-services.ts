/** Filters on connections that ask a service by gRPC: whether one may pass, and how many may come. */
import { once } from 'node:events';
import { authorizationGrpcService } from '../authorization-grpc-service.ts';
import { plainSocket } from '../exchange.ts';
import { rateLimitService } from '../rate-limit-service.ts';
import { type Place, type Scenario, type Step, stats, waitForStat } from '../scenario.ts';
import { address, cluster } from './configuration.ts';
import { modify } from './filters.ts';
import { overHttp2 } from './http2.ts';
import { get, hosts, listening, logLines, manager, network, talking, tcp } from './network-filters.ts';
import { inspector } from './tls.ts';
import { authority, secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

const grpcService = (name: string, timeout: string) => ({ envoy_grpc: { cluster_name: name }, timeout });

/** Whatever is awaited: neither proxy gives up on a busy machine. */
const patience = '5s';

const door = (name: string, said: Json = {}): Json =>
  network('ext_authz.v3.ExtAuthz', {
    stat_prefix: name,
    transport_api_version: 'V3',
    grpc_service: grpcService('service', patience),
    ...said,
  });

/** What runs beside, and what it was asked: the last step. */
function withService(
  make: () => { server: ReturnType<typeof rateLimitService>['server']; asked: unknown[] },
): Pick<Scenario, 'beside'> & { asked: Step } {
  let asked: unknown[] = [];
  return {
    beside: async ports => {
      const service = make();
      asked = service.asked;
      service.server.listen(ports.nobody, '127.0.0.1');
      await once(service.server, 'listening');
      return async () => {
        service.server.close();
      };
    },
    asked: { name: 'what the service was asked', see: async () => asked },
  };
}

const logged =
  '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %CONNECTION_TERMINATION_DETAILS% %DYNAMIC_METADATA(envoy.filters.network.ext_authz)%\n';

/** Connects, says something and leaves once the service was asked, which never answers. */
const leaving = (name: string, chain: number, statistic: string): Step => ({
  name,
  see: async ({ ports }: Place) => {
    const socket = plainSocket(ports.listener, hosts(chain + 1)[chain]);
    await once(socket, 'connect');
    socket.write('x');
    await waitForStat(ports.admin, statistic, '1');
    socket.resetAndDestroy();
    await waitForStat(ports.admin, statistic, '0');
  },
});

const clusters = (ports: Place['ports']) => [cluster('service', [ports.nobody], overHttp2)];

const permission = withService(() =>
  authorizationGrpcService({
    '127.0.0.2': 'no',
    '127.0.0.3': 'denied',
    '127.0.0.4': 'error',
    '127.0.0.5': 'error',
    '127.0.0.6': 'metadata',
    '127.0.0.7': 'never',
    '127.0.0.9': 'no',
    '127.0.0.12': 'never',
  }),
);

const metadataOf = (filter: string) => ({ filter, path: [{ key: 'who' }], value: { string_match: { exact: 'me' } } });

const connectionAuthorization: Scenario = {
  name: 'permission for connections',
  config: listening(
    log => [
      [door('fine'), tcp('fine', log, logged)],
      [door('no'), tcp('no', log, logged)],
      [door('denied'), tcp('denied', log, logged)],
      [door('error'), tcp('error', log, logged)],
      [door('open', { failure_mode_allow: true }), tcp('open', log, logged)],
      [
        door('metadata'),
        door('again', { filter_enabled_metadata: metadataOf('envoy.filters.network.ext_authz') }),
        tcp('metadata', log, logged),
      ],
      [door('slow', { grpc_service: grpcService('service', '0.3s') }), tcp('slow', log, logged)],
      [door('web'), manager('web', log)],
      [door('webno', { include_tls_session: true, include_peer_certificate: true }), manager('webno', log)],
      [door('off', { filter_enabled_metadata: metadataOf('nobody') }), tcp('off', log, logged)],
      [door('lost', { grpc_service: grpcService('lost', patience) }), tcp('lost', log, logged)],
      [door('left'), manager('left', log)],
    ],
    {},
    ports => [...clusters(ports), cluster('lost', [])],
  ),
  beside: permission.beside!,
  steps: [
    talking('lets pass', { chain: 0, send: get }),
    talking('lets pass, and its end', { chain: 0, send: get, end: true }),
    talking('nothing is asked about who says nothing', { chain: 0 }),
    talking('who only ends', { chain: 0, end: true }),
    talking('no', { chain: 1, send: get }),
    talking('denied as a request is', { chain: 2, send: get }),
    talking('an error', { chain: 3, send: get }),
    talking('an error lets pass', { chain: 4, send: get }),
    talking('metadata, which a second one is asked for', { chain: 5, send: get }),
    talking('no answer', { chain: 6, send: get }),
    talking('HTTP', { chain: 7, send: get }),
    talking('no HTTP', { chain: 8, send: get }),
    talking('metadata that are not there', { chain: 9, send: get }),
    talking('no host', { chain: 10, send: get }),
    leaving('who leaves', 11, 'ext_authz.left.active'),
    stats(
      ...[
        'fine',
        'no',
        'denied',
        'error',
        'open',
        'metadata',
        'again',
        'slow',
        'web',
        'webno',
        'off',
        'lost',
        'left',
      ].flatMap(name =>
        ['total', 'ok', 'denied', 'error', 'failure_mode_allowed', 'cx_closed', 'disabled', 'active'].map(
          counter => `ext_authz.${name}.${counter}`,
        ),
      ),
      'cluster.service.upstream_rq_total',
      'listener.main.downstream_cx_active',
    ),
    logLines(14, line => line.replace(/("ext_authz_duration":)\d+/, '$1<ms>')),
    permission.asked,
  ],
};

const certain = withService(authorizationGrpcService);
const encrypted = served({ certificates: ['one'], validation: { trusted_ca: authority } });

const authorizationByCertificate: Scenario = {
  name: 'permission for connections by certificates',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: Object.entries({
            plain: {},
            told: { include_peer_certificate: true, include_tls_session: true },
          }).map(([name, said]) => ({
            filter_chain_match: { server_names: [name] },
            filters: [door(name, said), manager(name, log)],
            ...encrypted,
          })),
        },
      ],
      clusters: clusters(ports),
    },
  }),
  beside: certain.beside!,
  steps: [
    ...['plain', 'told'].flatMap(name => [
      secured('/', { name }),
      ...['client', 'nameless'].map(identity => secured('/', { name, identity })),
    ]),
    stats('ext_authz.plain.ok', 'ext_authz.told.ok'),
    certain.asked,
  ],
};

const limited = (name: string, values: readonly string[], said: Json = {}): Json =>
  network('ratelimit.v3.RateLimit', {
    stat_prefix: name,
    domain: 'shop',
    timeout: patience,
    descriptors: [{ entries: values.map((value, at) => ({ key: `key${at}`, value })) }],
    rate_limit_service: {
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: 'service' } },
    },
    ...said,
  });

const counting = withService(rateLimitService);

const connectionRates: Scenario = {
  name: 'limits of a service for connections',
  config: listening(
    log => [
      [
        limited('fine', ['fine', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '%REQUESTED_SERVER_NAME%']),
        tcp('fine', log),
      ],
      [limited('over', ['over']), tcp('over', log)],
      [limited('error', ['error']), tcp('error', log)],
      [limited('strict', ['error'], { failure_mode_deny: true }), tcp('strict', log)],
      [limited('never', ['never'], { timeout: '0.3s' }), tcp('never', log)],
      [limited('web', ['a']), manager('web', log)],
      [limited('webover', ['over']), manager('webover', log)],
      [limited('unknown', ['unknown']), tcp('unknown', log)],
      [limited('left', ['never']), manager('left', log)],
      [
        limited('first', ['a'], {
          descriptors: [{ entries: [{ key: 'a', value: 'b' }] }, { entries: [{ key: 'c', value: '%PROTOCOL%' }] }],
        }),
        limited('second', ['over']),
        tcp('two', log),
      ],
    ],
    { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
    clusters,
  ),
  beside: counting.beside!,
  steps: [
    talking('lets pass', { chain: 0, send: get }),
    talking('asks though nothing is said', { chain: 0 }),
    talking('an end', { chain: 0, send: get, end: true }),
    talking('over', { chain: 1, send: get }),
    talking('an error lets pass', { chain: 2, send: get }),
    talking('an error that does not', { chain: 3, send: get }),
    talking('no answer', { chain: 4, send: get }),
    talking('HTTP', { chain: 5, send: get }),
    talking('no HTTP', { chain: 6, send: get }),
    talking('an answer that says nothing', { chain: 7, send: get }),
    leaving('who leaves', 8, 'ratelimit.left.active'),
    talking('the second of two', { chain: 9, send: get }),
    modify('ratelimit.tcp_filter_enforcing=0'),
    talking('over, not enforced', { chain: 1, send: get }),
    modify('ratelimit.tcp_filter_enabled=0'),
    talking('over, switched off', { chain: 1, send: get }),
    stats(
      ...['fine', 'over', 'error', 'strict', 'never', 'web', 'webover', 'unknown', 'left', 'first', 'second'].flatMap(
        name =>
          ['total', 'ok', 'over_limit', 'error', 'failure_mode_allowed', 'cx_closed', 'active'].map(
            counter => `ratelimit.${name}.${counter}`,
          ),
      ),
      'cluster.service.upstream_rq_total',
      'tcp.fine.downstream_cx_total',
      'tcp.over.downstream_cx_total',
      'listener.main.downstream_cx_active',
    ),
    logLines(12),
    counting.asked,
  ],
};

export const connectionServices: Scenario[] = [connectionAuthorization, authorizationByCertificate, connectionRates];
