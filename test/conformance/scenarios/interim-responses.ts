/** Responses of 1xx: who answers an expectation, and what of a host's is passed on. */
import { accessLog, normalizeText, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

type Json = Record<string, unknown>;

const expecting = { method: 'POST', body: 'abc', headers: ['expect: 100-continue'] };

const interim = (name: string, manager: Json): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager,
      routes: [
        route('/continue-and', 'raw', { retry_policy: { retry_on: '5xx,reset', num_retries: 1 } }),
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    request('/echo', expecting),
    request('/continue', expecting),
    { ...request('/continue'), name: 'a go-ahead that nobody waits for' },
    request('/early-hints'),
    { ...request('/echo', { headers: ['expect: 100-continue'] }), name: 'an expectation without a body' },
    request('/echo', { method: 'POST', body: 'abc', headers: ['expect: something'] }),
    request('/continue-and-fail', { close: true }),
    request('/continue-and-end', { close: true }),
    stats(
      'http.ingress.downstream_rq_1xx',
      'http.ingress.downstream_rq_2xx',
      'http.ingress.downstream_rq_completed',
      'cluster.raw.upstream_rq_100',
      'cluster.raw.upstream_rq_103',
      'cluster.raw.upstream_rq_completed',
      'cluster.raw.upstream_rq_retry',
      'http.ingress.downstream_rq_tx_reset',
    ),
    accessLog(8, line => normalizeText(line).replace(/( \d+ \d+) \d+ (\d+|-) "/, '$1 <ms> "')),
  ],
});

export const interimResponses: Scenario[] = [
  interim('responses of 1xx', {}),
  interim('responses of 1xx that are passed on', { proxy_100_continue: true, always_set_request_id_in_response: true }),
];
