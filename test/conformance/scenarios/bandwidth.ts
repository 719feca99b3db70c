/** The filter bandwidth_limit. */
import { data, end, headers, post } from '../frames.ts';
import { accessLog, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

type Json = Record<string, unknown>;

const limit = (statPrefix: string, kbps: number | undefined, more: Json = {}): Json =>
  typed('envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit', {
    stat_prefix: statPrefix,
    limit_kbps: kbps,
    ...more,
  });
const limited = (prefix: string, clusterName: string, said: Json, more: Json = {}): Json => ({
  ...route(prefix, clusterName, more),
  typed_per_filter_config: { bandwidth: said },
});
const both = { enable_mode: 'REQUEST_AND_RESPONSE' };

/** What is to be counted for a prefix; what depends on time by whether there is any. */
const counted = (prefix: string): Step => {
  const names = (...all: string[]) =>
    all.flatMap(name => ['request', 'response'].map(way => `${prefix}.http_bandwidth_limit.${way}_${name}`));
  const exact = stats(...names('enabled', 'pending', 'incoming_total_size', 'allowed_total_size'));
  const some = stats(...names('enforced', 'allowed_size', 'transfer_duration'));
  return {
    name: `what is counted for ${prefix}`,
    see: async place => {
      const roughly = Object.entries((await some.see(place)) as Record<string, string>);
      return {
        exact: await exact.see(place),
        some: roughly.map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) > 0 : value !== 'absent']),
      };
    },
  };
};

/** A step, and how long it took, in halves of a second. */
const timed = ({ name, see }: Step): Step => ({
  name: `${name}: time`,
  see: async place => {
    const from = performance.now();
    const seen = await see(place);
    return { seen, took: Math.round((performance.now() - from) / 500) / 2 };
  },
});
/** Trailers tell milliseconds; few of them are chance. */
const delays = ({ name, see }: Step): Step => ({
  name: `${name}: trailers`,
  see: async place => {
    const lines = (await see(place)) as string[];
    return lines.flatMap(line => {
      const [, field, ms] = /^(.*-delay-ms: )(\d+)$/.exec(line) ?? [];
      if (field === undefined) return [line];
      return Number(ms) < 30 ? [] : [`${field}<ms>`];
    });
  },
});

const kib = (count: number): string => 'x'.repeat(count * 1024);

export const bandwidthLimits: Scenario = {
  name: 'bandwidth limits',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'bandwidth', typed_config: limit('all', 1) }),
        access_log: [fileLog(log, decisions)],
      },
      routes: [
        limited('/both', 'raw', limit('both', 4, both), { prefix_rewrite: '/echo-body' }),
        limited('/request', 'raw', limit('request', 4, { enable_mode: 'REQUEST' }), { prefix_rewrite: '/echo-body' }),
        limited('/response', 'raw', limit('response', 4, { enable_mode: 'RESPONSE', fill_interval: '0.02s' }), {
          prefix_rewrite: '/echo-body',
        }),
        limited(
          '/keyed',
          'raw',
          limit('keyed', 4, { ...both, runtime_enabled: { default_value: false, runtime_key: 'own.on' } }),
          {
            prefix_rewrite: '/echo-body',
          },
        ),
        limited('/trailers', 'two', limit('told', 4, { ...both, enable_response_trailers: true })),
        limited('/echo', 'two', limit('told', 4, { ...both, enable_response_trailers: true })),
        limited(
          '/prefixed',
          'two',
          limit('prefixed', 4, { ...both, enable_response_trailers: true, response_trailer_prefix: 'X-Own' }),
          {
            prefix_rewrite: '/echo',
          },
        ),
        limited('/large', 'two', limit('large', 400, both)),
        {
          match: { prefix: '/direct' },
          direct_response: { status: 200, body: { inline_string: kib(1) } },
          typed_per_filter_config: { bandwidth: limit('direct', 100, both) },
        },
        limited('/first', 'raw', limit('first', 1, { enable_mode: 'REQUEST' }), { prefix_rewrite: '/echo-body' }),
        route('/none', 'raw', { prefix_rewrite: '/echo-body' }),
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('two', [ports.http2], overHttp2)],
      bootstrap: {
        admin: { address: address(ports.admin) },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    }),
  steps: [
    timed(request('/first', { method: 'POST', body: kib(2) })),
    timed(request('/none', { method: 'POST', body: kib(2) })),
    timed(request('/both', { method: 'POST', body: kib(6) })),
    timed(request('/both', { method: 'POST', body: kib(2) }, 'once more, of the same bucket')),
    request('/both'),
    counted('both'),
    timed(request('/request', { method: 'POST', body: kib(8) })),
    counted('request'),
    timed(request('/response', { method: 'POST', body: kib(8) })),
    counted('response'),
    timed(request('/keyed', { method: 'POST', body: kib(2) })),
    modify('own.on=true'),
    timed(request('/keyed', { method: 'POST', body: kib(5) }, 'switched on by the runtime')),
    counted('keyed'),
    delays(frames('trailers of its own', [headers(1, post('/echo'), 0), data(1, kib(3), end)])),
    delays(frames('trailers that were there', [headers(1, post('/trailers'), 0), data(1, kib(3), end)])),
    counted('told'),
    delays(
      frames('trailers with a prefix', [headers(1, post('/prefixed'), 0), data(1, kib(5), end)], { quietMs: 2000 }),
    ),
    timed(request('/large')),
    counted('large'),
    request('/direct'),
    counted('direct'),
    request('/nowhere'),
    counted('all'),
    raw('a client that leaves', `POST /both HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n${kib(8)}`, false, 300),
    stats('both.http_bandwidth_limit.request_pending', 'both.http_bandwidth_limit.request_enabled'),
    accessLog(16),
  ],
};
