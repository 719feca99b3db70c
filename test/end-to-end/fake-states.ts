import type {
  ClassState,
  ExerciseState,
  LearnerRow,
  LearnerState,
  RequestExplanation,
  Trace,
  TrafficRequest,
} from '../../server/api.ts';

/** A learner whose sandbox runs, and who did nothing yet. */
export function newLearner(): LearnerState {
  return {
    id: 'ada',
    name: 'Ada',
    sandbox: { phase: 'ready', provider: 'local', expiresAtMs: null },
    terminals: [],
    exercises: {},
    lesson: null,
    action: null,
    messages: [],
    followSlide: null,
    deletesAtMs: null,
    savingPaused: false,
  };
}

export function emptyClass(): ClassState {
  return {
    learners: [],
    plan: { size: null, startsAtMs: null, deletesAtMs: null },
    content: { revision: '0123456789ab', newest: '0123456789ab', kept: false },
    maximumSandboxes: 40,
    trouble: null,
    joinUrl: 'http://192.168.1.20:8080/#code=FOAL-7Q2M',
    code: 'FOAL-7Q2M',
    followSlide: null,
    messages: [],
  };
}

/** An exercise in the middle of it: one check fails, one hint was shown. */
export function exerciseState(id: string, over: Partial<ExerciseState> = {}): ExerciseState {
  return {
    id,
    passed: false,
    passedAtMs: null,
    openedAtMs: Date.now() - 240_000,
    failures: 1,
    checks: [],
    hintsHtml: [],
    solutionHtml: null,
    solvedBy: null,
    ...over,
  };
}

/** A request that failed three times and then went well, and its neighbours. */
export function someTraffic(now = Date.now()): TrafficRequest[] {
  const attempt = (status: number, startMs: number, durationMs: number) => ({
    host: '127.0.0.2:8000',
    status,
    flag: '-',
    startMs,
    durationMs,
  });
  const request = (over: Partial<TrafficRequest>): TrafficRequest => ({
    atMs: now,
    requestId: Math.random().toString(36).slice(2),
    listener: 'listener_0',
    method: 'GET',
    path: '/headers',
    authority: 'proxy:15001',
    status: 200,
    flags: '-',
    durationMs: 2.4,
    cluster: 'httpbin',
    explainedAt: '127.0.0.1:9901',
    attempts: [attempt(200, 0.2, 2)],
    ...over,
  });
  const failing = [attempt(500, 1, 3), attempt(500, 29, 3), attempt(500, 71, 4), attempt(500, 120, 3)];
  return [
    request({ atMs: now - 9000 }),
    request({
      atMs: now - 6000,
      path: '/delay/3',
      status: 504,
      flags: 'UT',
      durationMs: 1001,
      attempts: [{ ...attempt(0, 1, 1000), status: null, flag: 'UT' }],
    }),
    request({ atMs: now - 2000, path: '/status/500', status: 500, flags: 'URX', durationMs: 124, attempts: failing }),
    request({
      atMs: now,
      path: '/flaky',
      durationMs: 80,
      attempts: [attempt(500, 1, 3), attempt(500, 30, 4), attempt(200, 74, 5)],
    }),
  ];
}

/** Three traces of a chain of services: in the newest all of it, the one before has lost its end, and in the oldest one service took too long. */
export function someTraces(now = Date.now()): Trace[] {
  const span = (
    name: string,
    id: string,
    parentId: string | null,
    atMs: number,
    durationMs: number,
    status = '200',
  ) => ({
    ...{ id, parentId, shared: false, name, service: 'proxy', atMs, durationMs },
    tags: [
      ['http.method', 'GET'],
      ['http.url', `http://${name}:8001/chain`],
      ['http.status_code', status],
      ['response_flags', status === '504' ? 'UT' : '-'],
      ['upstream_cluster', name],
      ...(status === '504' ? [['error', 'true']] : []),
    ] as [string, string][],
  });
  return [
    {
      id: '4bf92f3577b34da6',
      spans: [
        span('recommendation', '3c191d03fa8be065', '7d0c4f2f6f3a2b11', now + 14.2, 62.1),
        span('customer', '4bf92f3577b34da6', null, now, 84.4),
        span('preference', '7d0c4f2f6f3a2b11', '4bf92f3577b34da6', now + 6.1, 74.3),
      ],
    },
    {
      id: '9a3c5d7e1f204b68',
      spans: [
        span('customer', '9a3c5d7e1f204b68', null, now - 8000, 79.2),
        span('preference', 'b1e2d3c4a5968778', '9a3c5d7e1f204b68', now - 7995, 70.9),
      ],
    },
    {
      id: '00c0ffee00c0ffee',
      spans: [
        span('customer', '00c0ffee00c0ffee', null, now - 21_000, 1012, '504'),
        span('preference', '11c0ffee00c0ffee', '00c0ffee00c0ffee', now - 20_994, 1001, '504'),
        span('recommendation', '22c0ffee00c0ffee', '11c0ffee00c0ffee', now - 20_990, 61),
      ],
    },
  ];
}

/** What decided one that was tried again. */
export function someExplanation(): RequestExplanation {
  const table = 'static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config';
  const route = `${table}.virtual_hosts[0].routes[2]`;
  const at = (line: number, text: string) => ({ file: 'proxy.yaml', line, text });
  const decision = (by: string, name: string, why: string, line: number, text: string, path: string) => ({
    ...{ by, name, why, path },
    ...{ resource: '', position: at(line, text) },
  });
  const host = 'the load balancer chose it: priority 0, healthy';
  return {
    problem: '',
    decisions: [
      decision(
        'listener',
        'web',
        'took the connection at 10.0.0.2:15001',
        3,
        '- name: web',
        'static_resources.listeners[0]',
      ),
      decision(
        'route',
        'routes[2]',
        'the first of the virtual host’s routes that fits: prefix "/"',
        2,
        'listeners:',
        route,
      ),
      decision(
        'try',
        '1: 127.0.0.2:8000',
        `${host}; it answered 500 after 3 ms`,
        5,
        'socket_address: {}',
        'clusters[0]',
      ),
      decision(
        'retry',
        '1',
        'the host answered 500: retry_on has "5xx"',
        4,
        'retry_on: 5xx',
        `${route}.route.retry_policy`,
      ),
      {
        ...{ by: 'retry', name: 'no more', why: 'the host answered 500, and 1 retry was made', position: null },
        ...{ resource: 'RouteConfiguration local version 7', path: 'virtual_hosts[0].routes[2].route.retry_policy' },
      },
    ],
  };
}

/** A row of the map. */
export function row(id: string, name: string, over: Partial<LearnerRow> = {}): LearnerRow {
  const now = Date.now();
  return {
    id,
    name,
    online: true,
    joinedAtMs: now - 3_000_000,
    lastSeenAtMs: now,
    sandbox: { phase: 'ready', provider: 'local', expiresAtMs: null },
    lesson: '2.3',
    exercises: {},
    current: null,
    lastCheck: null,
    stuck: false,
    ...over,
  };
}
