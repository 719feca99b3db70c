import type { ColumnType } from '#kysely';

/** The tables as Kysely sees them. Times are milliseconds since the epoch, flags are 0 and 1, so that every database holds them alike. */
export interface Tables {
  class: ClassTable;
  class_content: ClassContentTable;
  learners: LearnerTable;
  auth_sessions: AuthSessionTable;
  exercises: ExerciseTable;
  check_results: CheckResultTable;
  messages: MessageTable;
  sandboxes: SandboxTable;
  check_leases: CheckLeaseTable;
  secrets: SecretTable;
  replicas: ReplicaTable;
  session_leases: SessionLeaseTable;
  learner_rows: LearnerRowTable;
  spares: SpareTable;
  sandbox_queue: SandboxQueueTable;
  subjects: SubjectTable;
}

export interface ClassTable {
  id: string;
  follow_slide: string | null;
  /** How many learners are expected. */
  size: Unset<number>;
  starts_at: Unset<number>;
  /** When all that learners made and did is deleted. */
  deletes_at: Unset<number>;
  /** Of the content that the class keeps. */
  revision: Unset<string>;
}

/** Null where an insertion leaves it out. */
type Unset<Value> = ColumnType<Value | null, Value | null | undefined>;

/** The content that the class began with. */
export interface ClassContentTable {
  revision: string;
  /** Its files; see class/content.ts. */
  packed: string;
}

export interface LearnerTable {
  id: string;
  name: string;
  /** The name as it is compared; no two learners share one. */
  name_key: string;
  joined_at: number;
  last_seen_at: number;
  lesson: string | null;
  /** The hash of the key in the learner's resume link. */
  key_hash: string | null;
  /** The name of the home; empty: none yet; null: the id, as of all learners before there were spares. */
  home: string | null;
}

export interface AuthSessionTable {
  token_hash: string;
  role: 'learner' | 'instructor';
  learner_id: string | null;
  created_at: number;
}

export interface ExerciseTable {
  learner_id: string;
  exercise: string;
  opened_at: number | null;
  passed_at: number | null;
  failures: number;
  hints: number;
  solution_shown: number;
  solved_by: 'learner' | 'shown' | null;
  answer: string | null;
  /** Of the content with which it was passed. */
  revision: string | null;
}

export interface CheckResultTable {
  learner_id: string;
  exercise: string;
  check_id: string;
  state: 'unknown' | 'passed' | 'failed';
  /** The rest of the result as JSON. */
  result: string;
  at: number;
}

export interface MessageTable {
  id: string;
  text: string;
  at: number;
}

export interface SandboxTable {
  learner_id: string;
  id: string;
  home: string;
  provider: string;
  created_at: number;
  expires_at: number | null;
}

export interface CheckLeaseTable {
  learner_id: string;
  holder: string;
  until: number;
}

/** What all servers of a class agree on. */
export interface SecretTable {
  name: string;
  value: string;
}

/** A server among several that share the store. */
export interface ReplicaTable {
  id: string;
  /** Where the others reach it: `host:port`. */
  address: string;
  until: number;
}

/** Which replica a learner's session lives in. It ends with the replica's row. */
export interface SessionLeaseTable {
  learner_id: string;
  replica_id: string;
}

/** A learner's row of the instructor's map as its session last told it, for the other replicas. */
export interface LearnerRowTable {
  learner_id: string;
  /** JSON. */
  row: string;
}

/** A sandbox that waits for a learner, or is being made to. */
export interface SpareTable {
  id: string;
  home: string;
  /** The server that keeps it. */
  holder: string;
  created_at: number;
}

/** Who waits for a sandbox. It ends with the server that asked. */
export interface SandboxQueueTable {
  learner_id: string;
  replica_id: string;
  asked_at: number;
}

/** Whom an organisation's issuer knows by that name, with the issuer's own before it. */
export interface SubjectTable {
  subject: string;
  learner_id: string;
}
