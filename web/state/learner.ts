import { computed, signal } from '@preact/signals';
import type {
  LearnerEvent,
  LearnerState,
  LessonOutline,
  Me,
  TrafficRequest,
  WorkshopOutline,
} from '../../server/api.ts';
import { asFailure, get, post, type RequestFailure } from '../api/request.ts';
import { ReconnectingSocket, type SocketStatus } from '../api/socket.ts';
import { addTraffic, applyEvent, newlyPassed } from './learner-events.ts';

/** Who is signed in; null until the server said so. */
export const me = signal<Me | null>(null);
export const workshop = signal<WorkshopOutline | null>(null);
export const learner = signal<LearnerState | null>(null);
/** The last requests through the learner's proxy, newest first. */
export const traffic = signal<TrafficRequest[]>([]);
export const trafficDropped = signal(0);
export const connection = signal<SocketStatus>({ phase: 'connecting' });
export const notices = signal<{ id: number; text: string }[]>([]);
/** What failed while the page was loading. */
export const loadFailure = signal<RequestFailure | null>(null);
/** The exercise that was passed just now, for the small joy and for readers of the screen. */
export const justPassed = signal<string | null>(null);

export const lessons = computed<LessonOutline[]>(() => workshop.value?.modules.flatMap(module => module.lessons) ?? []);

type Listener<T> = (value: T) => void;
const trafficListeners = new Set<Listener<TrafficRequest[]>>();
const fileListeners = new Set<Listener<string[]>>();

/** Tells of requests as they come, for what is drawn and then gone. Returns the way to stop. */
export const onTraffic = (listener: Listener<TrafficRequest[]>): (() => void) => subscribe(trafficListeners, listener);
/** Tells of files of the learner that changed. */
export const onFiles = (listener: Listener<string[]>): (() => void) => subscribe(fileListeners, listener);

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let socket: ReconnectingSocket | null = null;
let lastNotice = 0;
const pingEveryMs = 20_000;

/** Loads the workshop and listens to the learner's events, from now on. */
export async function openSession(): Promise<void> {
  loadFailure.value = null;
  connectEvents();
  try {
    workshop.value = await get<WorkshopOutline>('/api/workshop');
  } catch (cause) {
    loadFailure.value = asFailure(cause);
  }
}

function connectEvents(): void {
  if (socket !== null) return;
  const opened = new ReconnectingSocket({
    path: () => '/api/events',
    onMessage: data => typeof data === 'string' && receive(JSON.parse(data) as LearnerEvent),
    onLost: tries => tries > 1 && void askAgain(),
  });
  socket = opened;
  opened.status.subscribe(status => {
    connection.value = status;
  });
  setInterval(() => opened.send('{"type":"ping"}'), pingEveryMs);
}

/** Tries at once to connect again. */
export const reconnect = (): void => socket?.retry();

/** A refused WebSocket says nothing of why: ask whether we are still signed in. */
async function askAgain(): Promise<void> {
  const now = await get<Me>('/api/me?as=learner').catch(() => null);
  // No answer tells nothing new: the page says already that the server cannot be reached, and asks again with the next try.
  if (now !== null && now.role !== 'learner') signedOut();
}

/** Terminals, files and lessons on the page are those of somebody who is no longer here: begin anew, with none of them. */
function signedOut(): void {
  socket?.close();
  location.reload();
}

function receive(event: LearnerEvent): void {
  const before = learner.peek();
  for (const id of newlyPassed(before, event)) justPassed.value = id;
  if (event.type === 'state') startIfNone(event.state);
  if (event.type === 'traffic') receiveTraffic(event.requests, event.dropped);
  if (event.type === 'files') for (const listener of fileListeners) listener(event.paths);
  if (event.type === 'notice') notify(event.text);
  if (event.type === 'signed-out') signedOut();
  else merge(before, event);
}

function merge(before: LearnerState | null, event: LearnerEvent): void {
  if (before !== null) learner.value = applyEvent(before, event);
  else if (event.type === 'state') learner.value = event.state;
}

function receiveTraffic(requests: TrafficRequest[], dropped: number): void {
  traffic.value = addTraffic(traffic.peek(), requests);
  trafficDropped.value += dropped;
  for (const listener of trafficListeners) listener(requests);
}

function startIfNone(state: LearnerState): void {
  if (state.sandbox.phase === 'none') act(() => post('/api/sandbox/start'));
}

/** Shows a line of text until it is put away. */
export function notify(text: string): void {
  lastNotice += 1;
  notices.value = [...notices.value.slice(-2), { id: lastNotice, text }];
}

export function dismissNotice(id: number): void {
  notices.value = notices.value.filter(notice => notice.id !== id);
}

/** Does something on the server; a failure is shown as a notice. Answers whether it went well. */
export async function act(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (cause) {
    const failure = asFailure(cause);
    notify([failure.message, failure.remedy].filter(Boolean).join(' '));
    return false;
  }
}
