/** Connections that go to the cluster whose name the client asks for. */
import { type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { access, any, logLines, network, policy, rules } from './network-filters.ts';
import { inspector } from './tls.ts';
import { open, served } from './tls-steps.ts';

/** What a client gets that asks for a name by SNI, on a connection that is encrypted up to the proxy. */
const asking = (name: string): Step => ({
  name: `asking for ${name || 'nothing'}`,
  see: async ({ ports }) => {
    const socket = open(ports.listener, { name });
    socket.on('error', () => {});
    socket.write('GET /echo HTTP/1.1\r\nhost: a\r\n\r\n');
    const answer = await new Promise(resolve => {
      socket.once('data', chunk => resolve(String(chunk).split('\r\n')[0])).once('close', () => resolve('closed'));
    });
    socket.destroy();
    return answer;
  },
});

const scenario = (name: string, goesTo: Record<string, unknown>): Scenario => ({
  name,
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: [
            {
              filters: [
                access('known', rules({ all: policy(any, any) })),
                network('sni_cluster.v3.SniCluster'),
                network('tcp_proxy.v3.TcpProxy', {
                  stat_prefix: 'tcp',
                  ...goesTo,
                  access_log: [fileLog(log, '%REQUESTED_SERVER_NAME% %UPSTREAM_CLUSTER% %RESPONSE_FLAGS%\n')],
                }),
              ],
              ...served({ certificates: ['one'] }),
            },
          ],
        },
      ],
      clusters: [cluster('usual', [ports.raw]), cluster('one.example', [ports.raw]), cluster('none.example', [1])],
    },
  }),
  steps: [
    asking('one.example'),
    asking('ONE.example'),
    asking('none.example'),
    asking('missing.example'),
    asking(''),
    logLines(5),
    stats(
      ...['usual', 'one.example', 'none.example'].map(name => `cluster.${name}.upstream_cx_total`),
      'tcp.tcp.downstream_cx_no_route',
    ),
  ],
});

export const sniClusters: Scenario[] = [
  scenario('clusters by SNI', { cluster: 'usual' }),
  // What is shared out is not asked for.
  scenario('clusters by SNI, and shares', { weighted_clusters: { clusters: [{ name: 'usual', weight: 1 }] } }),
];
