/** The RBAC filter. */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, telling, typed } from './filters.ts';

type Json = Record<string, unknown>;

const rbacType = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const anyone = [{ any: true }];

/** One policy: these permissions for these principals. */
const policy = (permissions: Json[], principals: Json[] = anyone): Json => ({ permissions, principals });
const perRoute = (rbac?: Json): Json => typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', rbac && { rbac });
/** A route that allows only what these permissions and principals say. */
const allowing = (prefix: string, permissions: Json[], principals: Json[] = anyone): Json =>
  telling(prefix, 'rbac', perRoute({ rules: { policies: { 'the one': policy(permissions, principals) } } }));
const path = (exact: string): Json => ({ url_path: { path: { exact } } });
const range = (address_prefix: string, prefix_len?: number): Json => ({ address_prefix, prefix_len });
const role = (exact: string): Json => ({ header: { name: 'x-role', string_match: { exact } } });

export const accessControl: Scenario = {
  name: 'role-based access control',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'rbac',
          typed_config: typed(rbacType, {
            rules: {
              action: 'DENY',
              policies: {
                'no deletes at all': policy([{ header: { name: ':method', string_match: { exact: 'DELETE' } } }]),
                'guests stay out': policy([{ url_path: { path: { prefix: '/get/private' } } }], [role('guest')]),
                'also no deletes': policy([{ header: { name: ':method', string_match: { exact: 'DELETE' } } }]),
              },
            },
            shadow_rules: { policies: { admins: policy([{ any: true }], [role('admin')]) } },
            shadow_rules_stat_prefix: 'planned',
          }),
        }),
        access_log: [fileLog(log, decisions)],
        use_remote_address: false,
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          response_headers_to_add: [{ header: { key: 'x-level', value: 'host' } }],
          routes: [
            telling('/off', 'rbac', perRoute()),
            telling('/empty', 'rbac', perRoute({})),
            telling('/nobody', 'rbac', perRoute({ rules: {} })),
            telling('/log', 'rbac', perRoute({ rules: { action: 'LOG', policies: { all: policy([{ any: true }]) } } })),
            telling('/shadow', 'rbac', perRoute({ shadow_rules: {} })),
            allowing('/exact', [path('/exact')]),
            allowing('/and', [{ and_rules: { rules: [path('/and/x'), role('admin')] } }]),
            allowing('/or', [{ or_rules: { rules: [path('/or/x'), role('admin')] } }]),
            allowing('/not', [{ not_rule: role('guest') }]),
            allowing('/port', [{ destination_port: ports.listener }]),
            allowing('/other-port', [{ destination_port: ports.admin }]),
            allowing('/range', [{ destination_port_range: { start: ports.listener, end: ports.listener + 1 } }]),
            allowing('/below', [{ destination_port_range: { start: 1, end: ports.listener } }]),
            allowing('/local', [{ destination_ip: range('127.0.0.0', 8) }]),
            allowing('/remote-local', [{ destination_ip: range('10.0.0.0', 8) }]),
            allowing('/no-length', [{ destination_ip: range('10.0.0.0') }]),
            allowing('/six', [{ destination_ip: range('::', 0) }]),
            allowing('/source', anyone, [{ source_ip: range('127.0.0.1', 32) }]),
            allowing('/direct', anyone, [{ direct_remote_ip: range('127.0.0.1', 32) }]),
            allowing('/forwarded', anyone, [{ remote_ip: range('10.1.0.0', 16) }]),
            allowing('/both', anyone, [
              { and_ids: { ids: [role('admin'), { not_id: { remote_ip: range('10.1.0.0', 16) } }] } },
            ]),
            allowing('/either', anyone, [{ or_ids: { ids: [role('admin'), path('/either/x')] } }]),
            route('/get', 'httpbin'),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
      bootstrap: { admin: { address: address(ports.admin) } },
    }),
  steps: [
    request('/get'),
    request('/get', { headers: ['x-role: admin'] }),
    request('/get', { method: 'DELETE' }),
    request('/get/private', { headers: ['x-role: guest'] }),
    request('/get/private?a=b', { headers: ['x-role: guest', 'content-type: application/grpc'] }),
    request('/get', { headers: ['x-role: guest'] }),
    request('/off', { method: 'DELETE' }),
    request('/empty', { method: 'DELETE' }),
    request('/nobody'),
    request('/log'),
    request('/shadow'),
    request('/exact'),
    request('/exact?query=1'),
    request('/exact#fragment'),
    request('/exact/x'),
    request('/and/x'),
    request('/and/x', { headers: ['x-role: admin'] }),
    request('/or/x'),
    request('/or/y', { headers: ['x-role: admin'] }),
    request('/or/y'),
    request('/not'),
    request('/not', { headers: ['x-role: guest'] }),
    request('/port'),
    request('/other-port'),
    request('/range'),
    request('/below'),
    request('/local'),
    request('/remote-local'),
    request('/no-length'),
    request('/six'),
    request('/source', { headers: ['x-forwarded-for: 10.1.2.3'] }),
    request('/direct', { headers: ['x-forwarded-for: 10.1.2.3'] }),
    request('/forwarded'),
    request('/forwarded', { headers: ['x-forwarded-for: 10.1.2.3'] }),
    request('/both', { headers: ['x-role: admin'] }),
    request('/both', { headers: ['x-role: admin', 'x-forwarded-for: 10.1.2.3'] }),
    request('/either/x'),
    request('/either/y'),
    request('/nowhere', { method: 'DELETE' }),
    stats(
      ...['allowed', 'denied', 'shadow_allowed', 'shadow_denied'].flatMap(name => [
        `http.ingress.rbac.${name}`,
        `http.ingress.rbac.planned.${name}`,
      ]),
      'http.ingress.downstream_rq_4xx',
      'cluster.httpbin.upstream_rq_total',
    ),
    accessLog(39),
  ],
};
