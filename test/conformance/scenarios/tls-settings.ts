/** Settings of TLS that few need: tickets by keys of one's own, how long chains may be, names of kinds of their own, names of hosts. */
import { accessLog, request, type Scenario, type Step } from '../scenario.ts';
import { routesTo } from './answers.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { answering, chain, inspector } from './tls.ts';
import { ask } from './tls-sessions.ts';
import {
  authority,
  type Client,
  type Context,
  chainedAuthority,
  handshakes,
  named,
  secured,
  served,
  spoken,
} from './tls-steps.ts';

type Json = Record<string, unknown>;

const key = (letter: string): Json => ({ inline_string: letter.repeat(80) });
const older: Client = { maxVersion: 'TLSv1.2' };

/** A step: whether a session of one of the two listeners is taken up by another. */
const carried = (from: 'listener' | 'nobody', to: 'listener' | 'nobody', client: Client): Step => ({
  name: ['a session of', from, 'at', to, client.maxVersion].filter(Boolean).join(' '),
  see: async ({ ports }) => {
    const { session } = await ask(ports[from], client);
    return (await ask(ports[to], session === undefined ? client : { ...client, session })).reused;
  },
});

const ticketKeys: Scenario = {
  name: 'tls sessions by keys that are known',
  config: ports => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: Object.entries({ listener: ['a'], nobody: ['b', 'a'] }).map(([name, letters]) => ({
        ...{ name, stat_prefix: name, address: address(ports[name as 'listener' | 'nobody']) },
        filter_chains: [
          chain(
            'one',
            undefined,
            served({ certificates: ['one'], more: { session_ticket_keys: { keys: letters.map(key) } } }),
          ),
        ],
      })),
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...[{}, older].flatMap(client => [
      carried('listener', 'listener', client),
      carried('nobody', 'nobody', client),
      carried('listener', 'nobody', client),
      carried('nobody', 'listener', client),
    ]),
  ],
};

const trusting = { trusted_ca: chainedAuthority };
const principal = '1.3.6.1.4.1.311.20.2.3';
const kind = (oid: string, matcher: Json): Json => ({
  ...trusting,
  match_typed_subject_alt_names: [{ san_type: 'OTHER_NAME', oid, matcher }],
});

const demands: Record<string, Json> = {
  ...Object.fromEntries([0, 1, 2, 3].map(depth => [`depth-${depth}`, { ...trusting, max_verify_depth: depth }])),
  'direct-0': { trusted_ca: authority, max_verify_depth: 0 },
  'direct-1': { trusted_ca: authority, max_verify_depth: 1 },
  principal: kind(principal, { exact: 'user@example.com' }),
  'another-principal': kind(principal, { exact: 'other' }),
  'another-kind': kind('1.2.3.4', { exact: 'user@example.com' }),
  text: kind('1.2.3.4', { prefix: 'oth' }),
  number: kind('1.2.3.5', { exact: '-300' }),
  truth: kind('1.2.3.6', { exact: 'true' }),
  'no-such-kind': kind('1.2.3.7', { safe_regex: { regex: '.*' } }),
  'with-kind': {
    ...trusting,
    match_typed_subject_alt_names: [{ san_type: 'DNS', oid: '1.2.3.4', matcher: { exact: 'chained.example' } }],
  },
};

const suites = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256'];

const clientDemands: Scenario = {
  name: 'tls chains, kinds of names and suites',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          access_log: [fileLog(log, '%REQUESTED_SERVER_NAME% %DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n')],
          filter_chains: [
            ...Object.entries(demands).map(([name, validation]) =>
              chain(
                name,
                { server_names: [name] },
                served({ certificates: ['one'], validation, more: { require_client_certificate: true } }),
              ),
            ),
            ...[true, false].map(chooses =>
              chain(
                `chooses-${chooses}`,
                { server_names: [`chooses-${chooses}`] },
                served({ certificates: ['one'], more: { prefer_client_ciphers: chooses } }),
                { access_log: [fileLog(log, '%REQUESTED_SERVER_NAME% %DOWNSTREAM_TLS_CIPHER%\n')] },
              ),
            ),
          ],
        },
      ],
      clusters: [cluster('echo', [ports.raw])],
    },
  }),
  steps: [
    ...Object.keys(demands).map(name =>
      secured('/own', { name, identity: name.startsWith('direct') ? 'client' : 'chained', ...older }),
    ),
    secured('/own', { name: 'depth-0', identity: 'chained' }),
    ...[true, false].flatMap(chooses =>
      [suites, suites.toReversed()].map(list =>
        secured('/own', { name: `chooses-${chooses}`, ...older, ciphers: list.join(':') }),
      ),
    ),
    handshakes('listener.main'),
    {
      name: 'the access log, in any order',
      see: async place => ((await accessLog(Object.keys(demands).length + 9).see(place)) as string[]).sort(),
    },
  ],
};

const believing = { trusted_ca: authority };

/** What is said to hosts by names of theirs: the context, and the name of the host. */
const hosts: Record<string, [context: Context, hostname: string]> = {
  told: [{ more: { auto_host_sni: true, sni: 'two.example' } }, 'one.example'],
  untold: [{ more: { auto_host_sni: true, sni: 'two.example' } }, ''],
  expected: [{ validation: believing, more: { auto_sni_san_validation: true, sni: 'one.example' } }, ''],
  unexpected: [{ validation: believing, more: { auto_sni_san_validation: true, sni: 'other.example' } }, ''],
  both: [{ validation: believing, more: { auto_host_sni: true, auto_sni_san_validation: true } }, 'one.example'],
  'both-wrong': [
    { validation: believing, more: { auto_host_sni: true, auto_sni_san_validation: true, sni: 'one.example' } },
    'other.example',
  ],
  instead: [
    {
      validation: { ...believing, ...named('DNS', 'nobody.example') },
      more: { auto_sni_san_validation: true, sni: 'one.example' },
    },
    '',
  ],
  unnamed: [{ validation: believing, more: { auto_sni_san_validation: true } }, ''],
};

const hostNames: Scenario = {
  name: 'tls to hosts by their names',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener) },
          filter_chains: [
            chain(
              'front',
              undefined,
              {},
              {
                route_config: {
                  virtual_hosts: [{ name: 'all', domains: ['*'], routes: routesTo(Object.keys(hosts)) }],
                },
                access_log: [
                  fileLog(
                    log,
                    '%REQ(:PATH)% %RESPONSE_CODE% %UPSTREAM_SERVER_NAME% %UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_PEER_DNS_SAN%\n',
                  ),
                ],
              },
            ),
          ],
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody), listener_filters: [inspector] },
          filter_chains: [chain('back', undefined, served({ certificates: ['one'] }), answering)],
        },
      ],
      clusters: [
        cluster('echo', [ports.raw]),
        ...Object.entries(hosts).map(([name, [context, hostname]]) => ({
          ...cluster(name, [], spoken(context)),
          load_assignment: {
            cluster_name: name,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports.nobody), hostname } }] }],
          },
        })),
      ],
    },
  }),
  steps: [...Object.keys(hosts).map(name => request(`/${name}`)), accessLog(Object.keys(hosts).length)],
};

export const tlsSettings: Scenario[] = [ticketKeys, clientDemands, hostNames];
