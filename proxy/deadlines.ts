/**
 * Time limits that are almost always met: one list and one timer for each duration, so that setting and clearing a limit is
 * a few writes. In a list all last equally long, so the first is due first.
 */

/** Something with a time limit. Belongs to at most one queue at a time. */
export interface Limited {
  deadline: Deadline;
  onDeadline(): void;
}

/** The place of one limited thing in its queue. */
export class Deadline {
  readonly owner: Limited;
  dueMs = 0;
  queue: DeadlineQueue | undefined = undefined;
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;

  constructor(owner: Limited) {
    this.owner = owner;
  }

  /** Starts the limit, or starts it anew. */
  set(queue: DeadlineQueue): void {
    if (this.queue !== undefined) this.queue.remove(this);
    queue.add(this);
  }

  clear(): void {
    this.queue?.remove(this);
  }
}

export class DeadlineQueue {
  readonly durationMs: number;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }

  add(deadline: Deadline): void {
    deadline.dueMs = performance.now() + this.durationMs;
    deadline.queue = this;
    deadline.next = undefined;
    deadline.previous = this.#last;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    if (this.#timer === undefined) this.#arm(this.durationMs);
  }

  remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.queue = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.max(1, Math.ceil(delayMs)), 0x7fffffff));
    this.#timer.unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    while (this.#first !== undefined && this.#first.dueMs <= now) {
      const { owner } = this.#first;
      this.remove(this.#first);
      owner.onDeadline();
    }
    if (this.#first !== undefined && this.#timer === undefined) this.#arm(this.#first.dueMs - now);
  }
}

const queues = new Map<number, DeadlineQueue>();
/** More than a configuration has: what requests bring beyond it gets queues that nobody shares. */
const mostShared = 1000;

/** The queue of a duration: ask once for each that a configuration names. */
export function deadlineQueue(durationMs: number): DeadlineQueue {
  let queue = queues.get(durationMs);
  if (queue === undefined) {
    queue = new DeadlineQueue(durationMs);
    if (queues.size < mostShared) queues.set(durationMs, queue);
  }
  return queue;
}
