/** Encrypted connections from clients: which chain and certificate a name gets, what is agreed on, what is told of it. */
import { accessLog, admin, type Ports, raw, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { address, cluster, fileLog, route } from './configuration.ts';
import { handshakes, secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;

export const inspector: Json = {
  name: 'inspector',
  typed_config: { '@type': type('listener.tls_inspector.v3.TlsInspector') },
};

/** A chain with routes; what matches goes to the upstream that echoes, `/own` is answered here. */
export function chain(name: string, match: Json | undefined, more: Json, manager: Json = {}): Json {
  const typed = {
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: name,
    route_config: {
      name,
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { prefix: '/own' }, direct_response: { status: 200, body: { inline_string: name } } },
            { match: { prefix: '/moved' }, redirect: { path_redirect: '/there' } },
            { match: { prefix: '/safe' }, redirect: { https_redirect: true } },
            route('/', 'echo'),
          ],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': type('http.router.v3.Router') } }],
    ...manager,
  };
  const filters = [{ name: 'manager', typed_config: typed }];
  return { name, filters, ...(match && { filter_chain_match: match }), ...more };
}

/** A manager that answers all by itself: for a chain that the cluster of the others leads to. */
export const answering: Json = {
  route_config: {
    name: 'answering',
    virtual_hosts: [
      {
        ...{ name: 'all', domains: ['*'] },
        routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'answered' } } }],
      },
    ],
  },
};

const logFormat =
  '%RESPONSE_CODE% %REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_LOCAL_SUBJECT% %DOWNSTREAM_LOCAL_URI_SAN% %DOWNSTREAM_LOCAL_DNS_SAN% %DOWNSTREAM_LOCAL_IP_SAN% %DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_CERT_V_START%\n';

const names = (...list: string[]): Json => ({ server_names: list });

const certs: Step = admin('/certs', body => {
  const { certificates } = JSON.parse(body) as { certificates: Json[] };
  return certificates.map(one => JSON.stringify(one)).sort();
});

const secrets: Step = admin('/config_dump', body => body.match(/"(private_key|password)": \{[^}]*\}/g));

const demanding = (name: string, requirement: string): Json => ({
  name,
  domains: [`${name}.example`, `${name}.example:8080`],
  require_tls: requirement,
  response_headers_to_add: [{ header: { key: 'x-host', value: name } }],
  routes: [{ match: { prefix: '/own' }, name: 'own', direct_response: { status: 200, body: { inline_string: name } } }],
});

const asked = (name: string, path = '/own', headers: string[] = []): Step =>
  raw(
    [`${name}.example${path}`, ...headers].join(' '),
    ['GET ', path, ` HTTP/1.1\r\nhost: ${name}.example\r\n`, ...headers.map(header => `${header}\r\n`), '\r\n'].join(
      '',
    ),
  );

/** Virtual hosts that are for https alone. */
export const requiredTls: Scenario = {
  name: 'hosts that demand https',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: ['tls', 'raw_buffer'].map(protocol =>
            chain(
              protocol,
              { transport_protocol: protocol },
              protocol === 'tls' ? served({ certificates: ['one'] }) : {},
              {
                access_log: [fileLog(log, '%RESPONSE_CODE% %ROUTE_NAME% %RESPONSE_CODE_DETAILS%\n')],
                route_config: {
                  name: 'local',
                  virtual_hosts: [
                    demanding('all', 'ALL'),
                    demanding('external', 'EXTERNAL_ONLY'),
                    demanding('none', 'NONE'),
                  ],
                },
              },
            ),
          ),
        },
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...['all', 'external', 'none'].map(name => asked(name)),
    asked('all', '/own/deeper?a=b'),
    asked('all', '/nowhere'),
    asked('all', '/own', ['x-forwarded-proto: https']),
    asked('external', '/own', ['x-envoy-internal: true']),
    raw('all.example:8080', 'GET /own HTTP/1.1\r\nhost: ALL.example:8080\r\n\r\n'),
    secured('/own', { name: 'all' }, ['x-forwarded-proto: http']),
    accessLog(9),
    stats('http.raw_buffer.rq_direct_response', 'http.raw_buffer.downstream_rq_3xx', 'http.raw_buffer.rq_redirect'),
  ],
};

export const serverTls: Scenario = {
  name: 'tls from clients',
  config: (ports, log) => {
    const logged = { access_log: [fileLog(log, logFormat)] };
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
            filter_chains: [
              chain('one', names('one.example'), served({ certificates: ['one'] }), logged),
              chain(
                'two',
                names('two.example'),
                served({ certificates: ['two'], common: { alpn_protocols: ['http/1.1'] } }),
                logged,
              ),
              chain('wild', names('*.wild.example'), served({ certificates: ['two', 'one'] }), logged),
              chain('custom', { application_protocols: ['custom'] }, served({ certificates: ['two'] }), logged),
              chain('plain', { transport_protocol: 'raw_buffer' }, {}, logged),
              chain(
                'old',
                names('old.example'),
                served({
                  certificates: ['one'],
                  common: {
                    tls_params: {
                      tls_maximum_protocol_version: 'TLSv1_2',
                      cipher_suites: ['ECDHE-ECDSA-AES256-GCM-SHA384'],
                    },
                  },
                }),
                logged,
              ),
              chain(
                'new',
                names('new.example'),
                served({ certificates: ['one'], common: { tls_params: { tls_minimum_protocol_version: 'TLSv1_3' } } }),
                logged,
              ),
            ],
          },
          {
            ...{ name: 'bare', stat_prefix: 'bare', address: address(ports.nobody) },
            filter_chains: [chain('bare', undefined, served({ certificates: ['one', 'two'] }), logged)],
          },
        ],
        clusters: [cluster('echo', [ports.raw])],
      },
    };
  },
  steps: [
    secured('/own', { name: 'one.example' }),
    secured('/echo', { name: 'one.example' }),
    secured('/echo', { name: 'ONE.example' }, ['x-forwarded-proto: http', 'x-forwarded-client-cert: Hash=a']),
    secured('/moved', { name: 'one.example' }),
    secured('/safe', { name: 'one.example' }),
    secured('/own', { name: 'two.example', protocols: ['http/1.1'] }),
    secured('/own', { name: 'two.example', protocols: ['h2', 'http/1.1'] }),
    secured('/own', { name: 'two.example', protocols: ['other'] }),
    secured('/own', { name: 'one.example', protocols: ['http/1.1'] }),
    secured('/own', { name: 'a.wild.example' }),
    secured('/own', { name: 'a.b.wild.example' }),
    secured('/own', { name: 'elsewhere.example' }),
    secured('/own', {}),
    secured('/own', { name: 'elsewhere.example', protocols: ['custom'] }),
    secured('/own', { name: 'one.example', maxVersion: 'TLSv1.2' }),
    secured('/own', { name: 'old.example' }),
    secured('/own', { name: 'old.example', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }),
    secured('/own', { name: 'new.example' }),
    secured('/own', { name: 'new.example', maxVersion: 'TLSv1.2' }),
    request('/own'),
    request('/safe'),
    raw('no protocol at all', 'nonsense\r\n\r\n'),
    secured('/own', { name: 'one.example', port: ({ nobody }: Ports) => nobody }),
    secured('/own', { name: 'two.example', port: ({ nobody }: Ports) => nobody }),
    secured('/own', { name: 'third.example', port: ({ nobody }: Ports) => nobody }),
    secured('/own', { port: ({ nobody }: Ports) => nobody }),
    {
      name: 'plain text where TLS is spoken',
      see: place =>
        request('/own', { close: true }).see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
    },
    raw('a hello that is cut off', '\x16\x03\x01\x02\x00\x01', false, 200),
    {
      name: 'a hello that is cut off, where nobody looks',
      see: place =>
        raw('', '\x16\x03\x01\x02\x00\x01', false, 200).see({
          ...place,
          ports: { ...place.ports, listener: place.ports.nobody },
        }),
    },
    accessLog(22),
    handshakes('listener.main'),
    handshakes('listener.bare'),
    stats(
      ...[
        'tls_found',
        'tls_not_found',
        'alpn_found',
        'alpn_not_found',
        'sni_found',
        'sni_not_found',
        'client_hello_too_large',
      ].map(name => `tls_inspector.${name}`),
    ),
    stats(
      'listener.main.no_filter_chain_match',
      'listener.main.downstream_cx_total',
      'listener.main.downstream_cx_active',
      'listener.main.downstream_pre_cx_active',
      'listener.main.downstream_listener_filter_remote_close',
      'listener.main.downstream_pre_cx_timeout',
      'listener.bare.downstream_cx_total',
      'listener.bare.downstream_cx_destroy',
      'http.one.downstream_cx_ssl_total',
      'http.one.downstream_cx_ssl_active',
      'http.plain.downstream_cx_ssl_total',
      'http.bare.downstream_cx_ssl_total',
      'http.bare.downstream_cx_total',
      'http.bare.downstream_cx_destroy',
      'server.days_until_first_cert_expiring',
      'listener.main.server_ssl_socket_factory.ssl_context_update_by_sds',
    ),
    together('certificates', [certs, secrets]),
  ],
};
