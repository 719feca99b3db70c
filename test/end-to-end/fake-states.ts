import type { ClassState, ExerciseState, LearnerRow, LearnerState, TrafficRequest } from '../../server/api.ts';

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
