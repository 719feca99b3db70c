/** Requests that are turned away since too few of the last ones succeeded (Envoy's admission_control). */
import { headers, post } from '../frames.ts';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

type Json = Record<string, unknown>;

const type = 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl';
const number = (default_value: unknown, runtime_key: string): Json => ({ default_value, runtime_key });
const percent = (value: number, runtime_key: string): Json => number({ value }, runtime_key);

/** So steep that one failure more than is allowed turns all requests away, and none less does. */
const certain = {
  aggression: number(1e6, 'control.aggression'),
  max_rejection_probability: percent(100, 'control.most'),
  sampling_window: '600s',
};

const counters = stats(
  ...['rq_rejected', 'rq_success', 'rq_failure'].map(name => `http.ingress.admission_control.${name}`),
);

function scenario(name: string, said: Json, steps: Step[], lines: number): Scenario {
  return {
    name,
    config: (ports, log) =>
      bootstrap(ports, log, {
        manager: {
          ...chain({ name: 'control', typed_config: typed(type, { success_criteria: {}, ...certain, ...said }) }),
          access_log: [fileLog(log, decisions)],
        },
        clusters: [
          cluster('httpbin', [ports.httpbin]),
          cluster('http2', [ports.http2], overHttp2),
          cluster('none', []),
        ],
        routes: [
          {
            ...route('/off', 'httpbin', { prefix_rewrite: '/get' }),
            typed_per_filter_config: { control: typed('envoy.config.route.v3.FilterConfig', { disabled: true }) },
          },
          route('/none', 'none'),
          route('/grpc', 'http2'),
          route('/', 'httpbin'),
        ],
        bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
      }),
    steps: [...steps, counters, accessLog(lines)],
  };
}

const get = (path: string, name = path): Step => request(path, {}, name);
/** A call that ends with this status, in its trailers. */
const says = (status: string): string => `/grpc-says?${encodeURIComponent(JSON.stringify({ 'grpc-status': status }))}`;
const many = (path: string, count: number): Step[] =>
  Array.from({ length: count }, (_, at) => get(path, `${path} ${at + 1}`));

export const admissionControl: Scenario[] = [
  scenario(
    'requests turned away',
    { sr_threshold: percent(50, 'control.threshold') },
    [
      ...many('/get', 2),
      get('/status/404'),
      get('/grpc'),
      get(says('14'), 'a call that fails'),
      get('/status/500'),
      get('/none'),
      get('/status/503', 'as many failures as successes'),
      get('/status/503', 'one more failure'),
      get('/get', 'turned away'),
      get('/off'),
      request('/get', { method: 'POST', body: 'hello' }),
      frames('gRPC', [headers(1, post('/a', 'content-type: application/grpc'))]),
      modify('control.threshold=10'),
      get('/get', 'less is asked for'),
      modify('control.threshold=100'),
      get('/get', 'more is asked for'),
      modify('control.most=0'),
      get('/get', 'all are let in'),
    ],
    16,
  ),
  scenario(
    'requests turned away by other successes',
    {
      success_criteria: {
        http_criteria: { http_success_status: [{ start: 500, end: 600 }] },
        grpc_criteria: { grpc_success_status: [14] },
      },
      sr_threshold: percent(100, 'control.threshold'),
    },
    [
      ...many('/status/500', 2),
      get(says('14'), 'a call that succeeds so'),
      frames('gRPC of our own', [headers(1, post('/none', 'content-type: application/grpc'))]),
      get('/get'),
      get('/get', 'turned away'),
    ],
    6,
  ),
  scenario(
    'requests turned away when there are many',
    { rps_threshold: number(1000, 'control.rps'), enabled: number(true, 'control.on') },
    [
      ...many('/status/500', 3),
      get('/get', 'there are few'),
      modify('control.rps=0'),
      get('/get', 'however few there are'),
      modify('control.on=false'),
      get('/status/500', 'switched off'),
    ],
    6,
  ),
];
