/** Another try beside one that takes too long. */
import { accessLog, admin, type Ports, request, type Scenario, stats } from '../scenario.ts';
import { startScripted } from '../scripted-upstream.ts';
import { bootstrap, cluster, fileLog } from './configuration.ts';
import { clusterStats, managerStats } from './failures.ts';

type Json = Record<string, unknown>;

const log = '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n';

const counted = (name: string): string[] => [
  ...clusterStats(name),
  `cluster.${name}.upstream_cx_destroy_local_with_active_rq`,
  `cluster.${name}.retry_or_shadow_abandoned`,
];

const hosts = (name: string) =>
  admin(`/clusters?filter=${name}`, body =>
    body.split('\n').filter(line => line.startsWith(`${name}::`) && /::rq_(error|success|time)/.test(line)),
  );

/** The first try is given up late enough for the answers of the others, on a busy machine too. */
const patient = { per_try_timeout: '0.3s', retry_back_off: { base_interval: '0.001s', max_interval: '0.001s' } };
const hedging = (retries: number, more: Json = {}): Json => ({
  timeout: '60s',
  retry_policy: { ...patient, retry_on: '5xx', num_retries: retries },
  hedge_policy: { hedge_on_per_try_timeout: true },
  ...more,
});
const scripts = [
  'silent,200',
  '503-second,200',
  '200-second,silent',
  'silent,silent,200',
  'close,200',
  'silent,close,200',
]
  .concat(['503-second,503', 'silent,503,200', '503-second,silent,200', 'close-second,close,200', '404,200'])
  .concat([
    'silent,200+x-envoy-overloaded=true',
    '200',
    '503-second,503,503',
    'close-second,503,close',
    'interim,200',
    'interim-second,silent',
  ]);

const own = (ports: Ports, names: readonly string[]): Json[] =>
  names.map(name => cluster(name, [ports.nobody], { track_timeout_budgets: true }));

const at = (name: string, more: Json, path = name): Json => ({
  match: { prefix: `/at/${name}/` },
  route: { cluster: path, ...more },
});

/** Who wins, what becomes of the others, and what is counted. */
const hedges: Scenario = {
  name: 'hedging',
  beside: ports => startScripted(ports.nobody),
  config: (ports, file) =>
    bootstrap(ports, file, {
      virtualHosts: [
        {
          name: 'example',
          domains: ['*'],
          hedge_policy: { hedge_on_per_try_timeout: true },
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
          include_is_timeout_retry_header: true,
          routes: [
            at('two', hedging(2)),
            at('one', hedging(1)),
            at('none', hedging(0, { timeout: '0.6s' })),
            at('short', hedging(2, { timeout: '1s' })),
            at('nothing-on', hedging(1, { timeout: '0.6s', retry_policy: { ...patient } })),
            at('connect', hedging(1, { retry_policy: { ...patient, retry_on: 'connect-failure' } })),
            at('host', { timeout: '60s', retry_policy: { ...patient, retry_on: '5xx' } }),
            at('off', hedging(1, { hedge_policy: { initial_requests: 3 } })),
            at('whole', hedging(1, { timeout: '0.3s' })),
            at('full', hedging(1, { timeout: '0.6s' })),
            at('outlier', hedging(1)),
          ],
        },
      ],
      clusters: [
        ...own(ports, ['two', 'one', 'none', 'short', 'nothing-on', 'connect', 'host', 'off', 'whole']),
        cluster('full', [ports.nobody], { circuit_breakers: { thresholds: [{ max_retries: 0 }] } }),
        cluster('outlier', [ports.nobody], {
          outlier_detection: { consecutive_5xx: 1, consecutive_gateway_failure: 1, max_ejection_percent: 100 },
        }),
      ],
      manager: { access_log: [fileLog(file, log)] },
    }),
  steps: [
    ...scripts.map(script => request(`/at/two/${script}`)),
    request('/at/two/silent,200?b', { method: 'POST', body: 'hello' }, 'a body'),
    ...['503-second,503', 'silent,200'].map(script => request(`/at/one/${script}`)),
    request('/at/none/silent'),
    request('/at/short/silent,silent,silent'),
    request('/at/nothing-on/silent'),
    request('/at/connect/silent,503'),
    request('/at/host/silent,200'),
    request('/at/off/silent,200'),
    request('/at/off/close,200'),
    request('/at/whole/silent'),
    request('/at/full/silent'),
    request('/at/outlier/silent,200'),
    request('/at/outlier/503-second,200'),
    accessLog(scripts.length + 14),
    ...['two', 'one', 'none', 'short', 'nothing-on', 'connect', 'host', 'off', 'whole', 'full', 'outlier'].flatMap(
      name => [stats(...counted(name)), hosts(name)],
    ),
    stats(
      'cluster.full.circuit_breakers.default.rq_retry_open',
      'cluster.outlier.outlier_detection.ejections_detected_consecutive_5xx',
      'cluster.outlier.outlier_detection.ejections_detected_consecutive_gateway_failure',
      'cluster.outlier.outlier_detection.ejections_enforced_total',
    ),
    stats(...managerStats),
  ],
};

const limited = (name: string, header: string, format: string, more: Json = {}): Json => ({
  match: { prefix: `/at/${name}/` },
  route: {
    cluster: name,
    retry_policy: {
      retry_on: '5xx',
      retry_back_off: { base_interval: '0.001s', max_interval: '0.001s' },
      rate_limited_retry_back_off: { reset_headers: [{ name: header, format }], ...more },
    },
  },
});

/** When responses say when to come again. */
const askedBackOff: Scenario = {
  name: 'back-off that responses ask for',
  beside: ports => startScripted(ports.nobody),
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        limited('seconds', 'Retry-After', 'SECONDS'),
        limited('moment', 'x-reset', 'UNIX_TIMESTAMP'),
        limited('short', 'retry-after', 'SECONDS', { max_interval: '0.5s' }),
      ],
      clusters: own(ports, ['seconds', 'moment', 'short']),
    }),
  steps: [
    ...['1', '0', 'soon', '400'].map(after => request(`/at/seconds/503+retry-after=${after},200`)),
    request('/at/seconds/close,200'),
    ...['1', '99999999999'].map(moment => request(`/at/moment/503+x-reset=${moment},200`)),
    {
      name: 'a moment that comes soon',
      see: place => request(`/at/moment/503+x-reset=${Math.floor(Date.now() / 1000) + 2},200`).see(place),
    },
    request('/at/short/503+retry-after=1,200'),
    ...['seconds', 'moment', 'short'].map(name => stats(...counted(name))),
  ],
};

export const hedgedRequests: Scenario[] = [hedges, askedBackOff];
