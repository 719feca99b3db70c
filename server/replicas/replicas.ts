import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { LearnerRow } from '../api.ts';

/** What the servers of a class tell each other. Whoever hears it reads the rest from the store. */
export type Change =
  | { kind: 'joined' | 'removed'; id: string }
  | { kind: 'rows'; ids: string[] }
  | { kind: 'messages' | 'slide' | 'class' | 'places' }
  /** Something may have been missed: read everything again. */
  | { kind: 'all' };

/** What has to be done here as others do their part. */
export interface ReplicaListener {
  /** This server has the learner's session from now on: open it from the store. */
  take(learner: string): Promise<void>;
  /** It has the session no more: leave it. */
  lose(learner: string): Promise<void>;
  changed(change: Change): Promise<void>;
  /** Which learners have a session anywhere. */
  held(learners: ReadonlySet<string>): void;
}

/** The servers of one class: each learner's session lives in one of them at a time, and all of them serve everybody. */
export interface Replicas {
  /** Nobody else serves this class. */
  readonly alone: boolean;
  /** Of this server: who holds a lease. */
  readonly id: string;
  /** Whether the learner's session lives here. */
  owns(learner: string): boolean;
  /** The same; waits while it is being opened here. */
  has(learner: string): Promise<boolean>;
  /**
   * A connection to the server in which the learner's session lives; null: it lives here, from now on if it lived nowhere.
   *
   * @throws UnicornError `unavailable`, `not-found`
   */
  reach(learner: string): Promise<PeerConnection | null>;
  /** Whether another server of the class sent this on, having looked at where it came from. */
  isForwarded(request: IncomingMessage): boolean;
  /** What tells another server that it lives. Null for whoever is none. */
  greet(request: IncomingMessage): string | null;
  /** The learner was removed. */
  forget(learner: string): void;
  tell(change: Change): void;
  share(rows: LearnerRow[]): void;
  /** How many servers there are. */
  count(): Promise<number>;
}

export interface PeerConnection {
  socket: Socket;
  /** The value of the header (`sealHeader`) by which the other knows that this was sent on. */
  seal(method: string, path: string): string;
}

/** One server by itself. */
export function aloneReplicas(id: string): Replicas {
  return {
    alone: true,
    id,
    owns: () => true,
    has: async () => true,
    reach: async () => null,
    isForwarded: () => false,
    greet: () => null,
    forget: () => {},
    tell: () => {},
    share: () => {},
    count: async () => 1,
  };
}
