import { computed, signal } from '@preact/signals';
import type { ClassState, InstructorEvent, Me, SlideDeck, WorkshopOutline } from '../../server/api.ts';
import { asFailure, get, post, type RequestFailure } from '../api/request.ts';
import { ReconnectingSocket, type SocketStatus } from '../api/socket.ts';
import { applyClassEvent, inOrder } from '../state/class-events.ts';
import { notify } from '../state/learner.ts';

export const instructor = signal<Me | null>(null);
export const signInFailure = signal<RequestFailure | null>(null);
export const classState = signal<ClassState | null>(null);
export const outline = signal<WorkshopOutline | null>(null);
export const slides = signal<SlideDeck['slides']>([]);
export const classConnection = signal<SocketStatus>({ phase: 'connecting' });
export const selected = signal<ReadonlySet<string>>(new Set());
/** The learner whose details are open. */
export const opened = signal<string | null>(null);

export const rows = computed(() => inOrder(classState.value?.learners ?? []));
/** Lessons that have something to check: the map's columns. */
export const columns = computed(() =>
  (outline.value?.modules ?? []).flatMap(module => module.lessons).filter(lesson => lesson.exercises.length > 0),
);

let socket: ReconnectingSocket | null = null;

/** Exchanges the secret for a cookie, or looks whether there is one; then follows the class. */
export async function enter(secret: string): Promise<void> {
  signInFailure.value = null;
  try {
    instructor.value =
      secret === '' ? await get<Me>('/api/me?as=instructor') : await post<Me>('/api/sign-in', { secret });
    if (instructor.value.role === 'instructor') await open();
  } catch (cause) {
    signInFailure.value = asFailure(cause);
  }
}

async function open(): Promise<void> {
  connect();
  outline.value = await get<WorkshopOutline>('/api/workshop');
  slides.value = (await get<SlideDeck>('/api/slides')).slides;
}

function connect(): void {
  if (socket !== null) return;
  const made = new ReconnectingSocket({
    path: () => '/api/instructor/events',
    onMessage: data => typeof data === 'string' && receive(JSON.parse(data) as InstructorEvent),
    onLost: tries => tries > 1 && void askAgain(),
  });
  socket = made;
  made.status.subscribe(status => {
    classConnection.value = status;
  });
}

export const reconnectClass = (): void => socket?.retry();

async function askAgain(): Promise<void> {
  const now = await get<Me>('/api/me?as=instructor').catch(() => null);
  // No answer tells nothing new: the page says already that the server cannot be reached, and asks again with the next try.
  if (now === null || now.role === 'instructor') return;
  socket?.close();
  socket = null;
  instructor.value = now;
}

function receive(event: InstructorEvent): void {
  const before = classState.peek();
  if (event.type === 'class') classState.value = event.class;
  else if (before !== null) classState.value = applyClassEvent(before, event);
  if (event.type === 'learner-removed') select(event.id, false);
}

export function select(id: string, on: boolean): void {
  const next = new Set(selected.peek());
  if (on) next.add(id);
  else next.delete(id);
  selected.value = next;
}

export type LearnerAction = 'start' | 'reset' | 'end' | 'extend' | 'remove' | 'catch-up';

/** Does something for each of the learners, four at a time; tells of those for whom it failed. Answers for how many it went well. */
export async function forLearners(ids: string[], action: LearnerAction, body?: unknown): Promise<number> {
  const waiting = [...ids];
  const failures: string[] = [];
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const failure = await forOne(id, action, body);
      if (failure !== null) failures.push(failure);
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  if (failures.length > 0) notify(failures.slice(0, 3).join(' '));
  return ids.length - failures.length;
}

async function forOne(id: string, action: LearnerAction, body: unknown): Promise<string | null> {
  try {
    await post(`/api/instructor/learners/${encodeURIComponent(id)}/${action}`, body);
    return null;
  } catch (cause) {
    const name = classState.peek()?.learners.find(one => one.id === id)?.name ?? id;
    return `${name.slice(0, 40)}: ${asFailure(cause).message}`;
  }
}
