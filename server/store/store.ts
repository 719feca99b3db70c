import type { CheckState, InstructorMessage } from '../api.ts';
import type { ClassStore } from './class-store.ts';
import type { PlaceStore } from './place-store.ts';
import type { ReplicaStore } from './replica-store.ts';
import type { SpareStore } from './spare-store.ts';

/** A learner as stored. */
export interface LearnerRecord {
  id: string;
  name: string;
  joinedAtMs: number;
  lastSeenAtMs: number;
  lesson: string | null;
  /** The name of the home; null: there is none yet. */
  home: string | null;
}

/** What one learner did in one exercise. */
export interface ExerciseRecord {
  exercise: string;
  openedAtMs: number | null;
  passedAtMs: number | null;
  failures: number;
  hints: number;
  solutionShown: boolean;
  solvedBy: 'learner' | 'shown' | null;
  answer: string | null;
  revision: string | null;
}

/** The last result of one check. */
export interface CheckRecord {
  exercise: string;
  check: CheckState;
  atMs: number;
}

/** The sandbox that a learner has, as a server that comes back needs it. */
export interface SandboxRecord {
  learner: string;
  id: string;
  home: string;
  provider: string;
  createdAtMs: number;
  expiresAtMs: number | null;
}

/** Who holds a token. */
export type Identity = { role: 'instructor' } | { role: 'learner'; learner: string };

/** Where everything lives that outlasts a server. Tokens and keys come here as hashes only. */
export interface Store {
  close(): Promise<void>;
  /** The servers that share this store, and who has which session. */
  readonly replicas: ReplicaStore;
  /** How many sandboxes the servers that share this store have, and who waits for one. */
  readonly places: PlaceStore;
  /** Sandboxes that wait for a learner. */
  readonly spares: SpareStore;
  /** What the class is set up as. */
  readonly class: ClassStore;

  /** Stores those of the secrets that are not there yet; answers what is stored of them. All servers get the same. */
  secrets(proposed: Record<string, string>): Promise<Record<string, string>>;

  followSlide(): Promise<string | null>;
  setFollowSlide(slide: string | null): Promise<void>;
  messages(): Promise<InstructorMessage[]>;
  /** Keeps the newest hundred. */
  addMessage(message: InstructorMessage): Promise<void>;

  /** False when someone has the name already. */
  addLearner(learner: LearnerRecord): Promise<boolean>;
  learners(): Promise<LearnerRecord[]>;
  learner(id: string): Promise<LearnerRecord | null>;
  /** With everything that belongs to the learner. */
  removeLearner(id: string): Promise<void>;
  setLastSeen(id: string, atMs: number): Promise<void>;
  setLesson(id: string, lesson: string): Promise<void>;
  setHome(id: string, home: string): Promise<void>;
  setKey(id: string, keyHash: string): Promise<void>;
  learnerByKey(keyHash: string): Promise<string | null>;
  /** Whom an issuer knows by that name. */
  learnerBySubject(subject: string): Promise<string | null>;
  /** Notes that, unless it is noted of another learner already; answers whose it is. */
  setSubject(subject: string, learner: string): Promise<string>;

  addAuthSession(tokenHash: string, identity: Identity, atMs: number): Promise<void>;
  identityOf(tokenHash: string): Promise<Identity | null>;
  removeAuthSession(tokenHash: string): Promise<void>;
  /** Those that were signed in before `beforeMs`. */
  removeOldAuthSessions(beforeMs: number): Promise<void>;

  exercises(learner: string): Promise<ExerciseRecord[]>;
  saveExercise(learner: string, record: ExerciseRecord): Promise<void>;
  checks(learner: string): Promise<CheckRecord[]>;
  /** All of them or none. */
  saveChecks(learner: string, records: CheckRecord[]): Promise<void>;

  sandboxes(): Promise<SandboxRecord[]>;
  sandboxOf(learner: string): Promise<SandboxRecord | null>;
  saveSandbox(record: SandboxRecord): Promise<void>;
  removeSandbox(id: string): Promise<void>;

  /** Claims the learner's checks for `holder` until `untilMs`; false while another holds them. */
  claimChecks(learner: string, holder: string, nowMs: number, untilMs: number): Promise<boolean>;
  releaseChecks(learner: string, holder: string): Promise<void>;
}
