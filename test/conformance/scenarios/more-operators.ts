/** Operators of access logs that came late to Envoy. */
import { accessLog, request, type Scenario, type Step } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';

const operators =
  `START_TIME_LOCAL(%Y) EMIT_TIME_LOCAL(%z) BYTES_RETRANSMITTED PACKETS_RETRANSMITTED CUSTOM_FLAGS FILTER_CHAIN_NAME
CLUSTER_METADATA(a:key) CLUSTER_METADATA(a) CLUSTER_METADATA(b) UPSTREAM_METADATA(a:key) UPSTREAM_METADATA(a:list)
METADATA(ROUTE:a:key) METADATA(ROUTE:a) METADATA(ROUTE:a:list) METADATA(CLUSTER:a:key) METADATA(UPSTREAM_HOST:a:key) METADATA(LISTENER:a:key) METADATA(LISTENER_FILTER_CHAIN:a:key)
QUERY_PARAMS(ORIG) QUERY_PARAM(b)
COALESCE({"operators":["SPAN_ID","REQUESTED_SERVER_NAME",{"command":"REQ","param":"x-none"},{"command":"REQ","param":":path","max_length":6}]})
COALESCE({"operators":["SPAN_ID"]})`.split(/\s+(?=[A-Z])/);

const format = `${operators.map(name => `${name.replaceAll('%', '')}=%${name}%`).join(' ')}\n`;

const stated = (fields: Record<string, unknown>) => ({ filter_metadata: { a: fields } });

const perOperator = (lines: number): Step => ({
  name: 'the access log',
  see: async place =>
    ((await accessLog(lines).see(place)) as string[]).map(line => line.split(/ (?=[A-Z_0-9]+(?:\([^)]*\))?=)/)),
});

export const moreOperators: Scenario = {
  name: 'further operators of access logs',
  config: (at, log) => {
    const whole = bootstrap(at, log, {
      manager: { access_log: [fileLog(log, format)] },
      routes: [
        {
          ...route('/get', 'httpbin', { prefix_rewrite: '/get?rewritten=1' }),
          metadata: stated({ key: 'röute', list: [1, true] }),
        },
        {
          match: { prefix: '/direct' },
          direct_response: { status: 418, body: { inline_string: 'a teapot' } },
          metadata: stated({ key: 'direct' }),
        },
        route('/gone', 'gone'),
      ],
      clusters: [
        {
          ...cluster('httpbin', []),
          metadata: stated({ key: 'cluster', 'another key': 2 }),
          load_assignment: {
            cluster_name: 'httpbin',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: { address: address(at.httpbin) },
                    metadata: stated({ key: 'endpoint', list: [{ x: 1 }] }),
                  },
                ],
              },
            ],
          },
        },
        cluster('gone', [1], { metadata: stated({ key: 'gone' }) }),
      ],
    }) as {
      static_resources: { listeners: [{ metadata?: unknown; filter_chains: [{ name?: string; metadata?: unknown }] }] };
    };
    const [listener] = whole.static_resources.listeners;
    listener.metadata = stated({ key: 'listener' });
    Object.assign(listener.filter_chains[0], { name: 'chain', metadata: stated({ key: 'filter chain' }) });
    return whole;
  },
  steps: [request('/get?a=1&b=%20x%41'), request('/direct'), request('/gone'), request('/none'), perOperator(4)],
};
