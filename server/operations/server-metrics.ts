import type { LearnerRow, SandboxState } from '../api.ts';
import { type Counter, type Histogram, Metrics } from './metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';

const phases: readonly SandboxState['phase'][] = [
  'none',
  'queued',
  'starting',
  'ready',
  'reconnecting',
  'failed',
  'ended',
];
const socketKinds = ['events', 'terminal', 'instructor', 'check'] as const;
export type SocketKind = (typeof socketKinds)[number];

/** What is counted of the class whenever someone asks. */
export interface ClassFigures {
  /** The learners whose session lives here. */
  rows(): Pick<LearnerRow, 'online' | 'sandbox'>[];
  queueLength(): number;
  /** Sandboxes that wait for a learner. */
  spares(): number;
  /** Sandboxes and homes that did not go when they were ended. */
  hanging(): number;
}

/** What the server counts while it works. */
export class ServerMetrics {
  readonly #metrics = new Metrics();
  readonly #requests: Counter;
  readonly #ready: Histogram;
  readonly #checks: Counter;
  readonly #checkSeconds: Histogram;
  readonly #sockets = new Map<SocketKind, number>();
  readonly #stop: () => void;

  constructor() {
    const metrics = this.#metrics;
    this.#requests = metrics.counter(
      'unicorn_http_requests_total',
      'HTTP requests answered, by the class of the status.',
    );
    this.#ready = metrics.histogram(
      'unicorn_sandbox_ready_seconds',
      'Time from asking for a sandbox until it is ready, with the time in the queue.',
      [0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600],
    );
    this.#checks = metrics.counter('unicorn_checks_total', 'Checks that were run, by what came out.');
    this.#checkSeconds = metrics.histogram(
      'unicorn_exercise_checks_seconds',
      'How long the checks of one exercise took, each time that they were run.',
      [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    );
    metrics.read('unicorn_websockets', 'WebSockets open at this server, by what they are for.', () =>
      socketKinds.map(kind => ({ labels: { kind }, value: this.#sockets.get(kind) ?? 0 })),
    );
    this.#stop = addProcessMetrics(metrics);
  }

  /** Adds what is read from the class. */
  watch({ rows, queueLength, spares, hanging }: ClassFigures): void {
    const metrics = this.#metrics;
    metrics.read('unicorn_learners', 'Learners who have joined.', () => rows().length);
    metrics.read(
      'unicorn_learners_here',
      'Learners who have a page open at this server.',
      () => rows().filter(({ online }) => online).length,
    );
    metrics.read('unicorn_sandboxes', 'Sandboxes of learners, by their phase at this server.', () =>
      phases.map(phase => ({
        labels: { phase },
        value: rows().filter(({ sandbox }) => sandbox.phase === phase).length,
      })),
    );
    metrics.read('unicorn_spare_sandboxes', 'Sandboxes that wait for a learner at this server.', spares);
    metrics.read('unicorn_hanging_sandboxes', 'Sandboxes and homes that could not be removed yet.', hanging);
    metrics.read('unicorn_queue_length', 'Learners who wait for a place.', queueLength);
  }

  requestAnswered(status: number): void {
    this.#requests.add({ status: `${Math.floor(status / 100)}xx` });
  }

  sandboxReady(seconds: number): void {
    this.#ready.observe(seconds);
  }

  checksRun(states: string[], seconds: number): void {
    for (const result of states) this.#checks.add({ result });
    this.#checkSeconds.observe(seconds);
  }

  /** A socket is open. Answers what to call when it is closed. */
  socketOpened(kind: SocketKind): () => void {
    const change = (by: number) => this.#sockets.set(kind, (this.#sockets.get(kind) ?? 0) + by);
    change(1);
    return () => void change(-1);
  }

  text(): string {
    return this.#metrics.text();
  }

  close(): void {
    this.#stop();
  }
}
