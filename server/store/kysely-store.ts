import { type Dialect, Kysely, Migrator, type RawBuilder } from '#kysely';
import type { CheckState, InstructorMessage } from '../api.ts';
import { StartError } from '../errors.ts';
import { classId, KyselyClassStore } from './class-store.ts';
import type { Database } from './database.ts';
import { migrationProvider } from './migrations.ts';
import { KyselyPlaceStore } from './place-store.ts';
import { KyselyReplicaStore } from './replica-store.ts';
import { KyselySpareStore, noHome } from './spare-store.ts';
import { isOfSqlite, sqliteTrouble } from './sqlite-trouble.ts';
import type { CheckRecord, ExerciseRecord, Identity, LearnerRecord, SandboxRecord, Store } from './store.ts';
import type { AuthSessionTable, ExerciseTable, LearnerTable, SandboxTable, Tables } from './tables.ts';
import { StoreUnavailable } from './unavailable.ts';

const keptMessages = 100;

/** Opens the store in this database, its tables brought up to date. */
export async function openStore({ dialect, now }: Database): Promise<Store> {
  return storeOf(await openTables(dialect), now);
}

/** The store in tables that are open. */
export function storeOf(db: Kysely<Tables>, now: RawBuilder<number>): Store {
  return new KyselyStore(db, now);
}

/** Brings the tables up to date; where several servers start at once, one does it and the others wait. */
export async function openTables(dialect: Dialect): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({ dialect });
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  throw cannotOpen(error);
}

/** What `pg` and SQLite say of a database that cannot be used is for whoever starts the server; the rest is a fault of ours. */
function cannotOpen(error: unknown): unknown {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  if (cause instanceof Error && isOfSqlite(cause)) return sqliteTrouble(cause);
  if (!(cause instanceof Error) || !('code' in cause || error instanceof StoreUnavailable)) return error;
  return new StartError(
    `The database cannot be used: ${cause.message}`,
    'Look at --database-url, and whether it runs.',
  );
}

class KyselyStore implements Store {
  readonly replicas: KyselyReplicaStore;
  readonly spares: KyselySpareStore;
  readonly places: KyselyPlaceStore;
  readonly class: KyselyClassStore;
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>, now: RawBuilder<number>) {
    this.#db = db;
    this.replicas = new KyselyReplicaStore(db, now);
    this.spares = new KyselySpareStore(db);
    this.places = new KyselyPlaceStore(db, now);
    this.class = new KyselyClassStore(db);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  async secrets(proposed: Record<string, string>): Promise<Record<string, string>> {
    const values = Object.entries(proposed).map(([name, value]) => ({ name, value }));
    await this.#db
      .insertInto('secrets')
      .values(values)
      .onConflict(conflict => conflict.column('name').doNothing())
      .execute();
    const names = Object.keys(proposed);
    const rows = await this.#db.selectFrom('secrets').selectAll().where('name', 'in', names).execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  async followSlide(): Promise<string | null> {
    const row = await this.#db.selectFrom('class').select('follow_slide').where('id', '=', classId).executeTakeFirst();
    return row?.follow_slide ?? null;
  }

  async setFollowSlide(slide: string | null): Promise<void> {
    await this.#db
      .insertInto('class')
      .values({ id: classId, follow_slide: slide })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ follow_slide: slide }))
      .execute();
  }

  async messages(): Promise<InstructorMessage[]> {
    const rows = await this.#db.selectFrom('messages').selectAll().orderBy('at').orderBy('id').execute();
    return rows.map(({ id, text, at }) => ({ id, text, atMs: at }));
  }

  async addMessage({ id, text, atMs }: InstructorMessage): Promise<void> {
    await this.#db.transaction().execute(async db => {
      await db
        .insertInto('messages')
        .values({ id, text: storable(text), at: atMs })
        .execute();
      const kept = db
        .selectFrom('messages')
        .select('id')
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(keptMessages);
      await db.deleteFrom('messages').where('id', 'not in', kept).execute();
    });
  }

  async addLearner(learner: LearnerRecord): Promise<boolean> {
    const result = await this.#db
      .insertInto('learners')
      .values({
        id: learner.id,
        name: learner.name,
        name_key: nameKey(learner.name),
        joined_at: learner.joinedAtMs,
        last_seen_at: learner.lastSeenAtMs,
        lesson: learner.lesson,
        key_hash: null,
        home: learner.home ?? noHome,
      })
      .onConflict(conflict => conflict.column('name_key').doNothing())
      .executeTakeFirst();
    return Number(result.numInsertedOrUpdatedRows) === 1;
  }

  async learners(): Promise<LearnerRecord[]> {
    const rows = await this.#db.selectFrom('learners').selectAll().orderBy('joined_at').orderBy('id').execute();
    return rows.map(learnerOf);
  }

  async learner(id: string): Promise<LearnerRecord | null> {
    const row = await this.#db.selectFrom('learners').selectAll().where('id', '=', id).executeTakeFirst();
    return row ? learnerOf(row) : null;
  }

  async removeLearner(id: string): Promise<void> {
    await this.#db.deleteFrom('learners').where('id', '=', id).execute();
  }

  async setLastSeen(id: string, atMs: number): Promise<void> {
    await this.#db.updateTable('learners').set({ last_seen_at: atMs }).where('id', '=', id).execute();
  }

  async setLesson(id: string, lesson: string): Promise<void> {
    await this.#db.updateTable('learners').set({ lesson }).where('id', '=', id).execute();
  }

  async setHome(id: string, home: string): Promise<void> {
    await this.#db.updateTable('learners').set({ home }).where('id', '=', id).execute();
  }

  async setKey(id: string, keyHash: string): Promise<void> {
    await this.#db.updateTable('learners').set({ key_hash: keyHash }).where('id', '=', id).execute();
  }

  async learnerByKey(keyHash: string): Promise<string | null> {
    const query = this.#db.selectFrom('learners').select('id').where('key_hash', '=', keyHash);
    return (await query.executeTakeFirst())?.id ?? null;
  }

  async learnerBySubject(subject: string): Promise<string | null> {
    const query = this.#db.selectFrom('subjects').select('learner_id').where('subject', '=', subject);
    return (await query.executeTakeFirst())?.learner_id ?? null;
  }

  async setSubject(subject: string, learner: string): Promise<string> {
    await this.#db
      .insertInto('subjects')
      .values({ subject, learner_id: learner })
      .onConflict(conflict => conflict.column('subject').doNothing())
      .execute();
    return (await this.learnerBySubject(subject)) ?? learner;
  }

  async addAuthSession(tokenHash: string, identity: Identity, atMs: number): Promise<void> {
    const learner = identity.role === 'learner' ? identity.learner : null;
    await this.#db
      .insertInto('auth_sessions')
      .values({ token_hash: tokenHash, role: identity.role, learner_id: learner, created_at: atMs })
      .execute();
  }

  async identityOf(tokenHash: string): Promise<Identity | null> {
    const query = this.#db.selectFrom('auth_sessions').selectAll().where('token_hash', '=', tokenHash);
    const row = await query.executeTakeFirst();
    return row ? identityOfRow(row) : null;
  }

  async removeAuthSession(tokenHash: string): Promise<void> {
    await this.#db.deleteFrom('auth_sessions').where('token_hash', '=', tokenHash).execute();
  }

  async removeOldAuthSessions(beforeMs: number): Promise<void> {
    await this.#db.deleteFrom('auth_sessions').where('created_at', '<', beforeMs).execute();
  }

  async exercises(learner: string): Promise<ExerciseRecord[]> {
    const rows = await this.#db.selectFrom('exercises').selectAll().where('learner_id', '=', learner).execute();
    return rows.map(exerciseOf);
  }

  async saveExercise(learner: string, record: ExerciseRecord): Promise<void> {
    const values = exerciseRow(record);
    await this.#db
      .insertInto('exercises')
      .values({ learner_id: learner, exercise: record.exercise, ...values })
      .onConflict(conflict => conflict.columns(['learner_id', 'exercise']).doUpdateSet(values))
      .execute();
  }

  async checks(learner: string): Promise<CheckRecord[]> {
    const rows = await this.#db.selectFrom('check_results').selectAll().where('learner_id', '=', learner).execute();
    return rows.map(row => ({
      exercise: row.exercise,
      check: JSON.parse(row.result) as CheckState,
      atMs: row.at,
    }));
  }

  async saveChecks(learner: string, records: CheckRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#db
      .insertInto('check_results')
      .values(
        records.map(({ exercise, check, atMs }) => ({
          learner_id: learner,
          exercise,
          check_id: check.id,
          state: check.state === 'running' ? ('unknown' as const) : check.state,
          result: JSON.stringify(check),
          at: atMs,
        })),
      )
      .onConflict(conflict =>
        conflict.columns(['learner_id', 'exercise', 'check_id']).doUpdateSet(row => ({
          state: row.ref('excluded.state'),
          result: row.ref('excluded.result'),
          at: row.ref('excluded.at'),
        })),
      )
      .execute();
  }

  async sandboxes(): Promise<SandboxRecord[]> {
    return (await this.#db.selectFrom('sandboxes').selectAll().execute()).map(sandboxOf);
  }

  async sandboxOf(learner: string): Promise<SandboxRecord | null> {
    const row = await this.#db.selectFrom('sandboxes').selectAll().where('learner_id', '=', learner).executeTakeFirst();
    return row ? sandboxOf(row) : null;
  }

  async saveSandbox(record: SandboxRecord): Promise<void> {
    const values = {
      id: record.id,
      home: record.home,
      provider: record.provider,
      created_at: record.createdAtMs,
      expires_at: record.expiresAtMs,
    };
    await this.#db
      .insertInto('sandboxes')
      .values({ learner_id: record.learner, ...values })
      .onConflict(conflict => conflict.column('learner_id').doUpdateSet(values))
      .execute();
  }

  async removeSandbox(id: string): Promise<void> {
    await this.#db.deleteFrom('sandboxes').where('id', '=', id).execute();
  }

  async claimChecks(learner: string, holder: string, nowMs: number, untilMs: number): Promise<boolean> {
    const result = await this.#db
      .insertInto('check_leases')
      .values({ learner_id: learner, holder, until: untilMs })
      .onConflict(conflict =>
        conflict
          .column('learner_id')
          .doUpdateSet({ holder, until: untilMs })
          .where(condition =>
            condition.or([condition('check_leases.until', '<=', nowMs), condition('check_leases.holder', '=', holder)]),
          ),
      )
      .executeTakeFirst();
    return Number(result.numInsertedOrUpdatedRows) === 1;
  }

  async releaseChecks(learner: string, holder: string): Promise<void> {
    await this.#db.deleteFrom('check_leases').where('learner_id', '=', learner).where('holder', '=', holder).execute();
  }
}

/** Names that look alike at a glance are one: case and width do not tell people apart. */
function nameKey(name: string): string {
  return name.normalize('NFKC').toLocaleLowerCase('und');
}

function learnerOf(row: LearnerTable): LearnerRecord {
  return {
    id: row.id,
    name: row.name,
    joinedAtMs: row.joined_at,
    lastSeenAtMs: row.last_seen_at,
    lesson: row.lesson,
    home: row.home === noHome ? null : (row.home ?? row.id),
  };
}

function identityOfRow(row: AuthSessionTable): Identity | null {
  if (row.role === 'instructor') return { role: 'instructor' };
  return row.learner_id === null ? null : { role: 'learner', learner: row.learner_id };
}

function exerciseOf(row: ExerciseTable): ExerciseRecord {
  return {
    exercise: row.exercise,
    openedAtMs: row.opened_at,
    passedAtMs: row.passed_at,
    failures: row.failures,
    hints: row.hints,
    solutionShown: row.solution_shown === 1,
    solvedBy: row.solved_by,
    answer: row.answer,
    revision: row.revision,
  };
}

function exerciseRow(record: ExerciseRecord): Omit<ExerciseTable, 'learner_id' | 'exercise'> {
  return {
    opened_at: record.openedAtMs,
    passed_at: record.passedAtMs,
    failures: record.failures,
    hints: record.hints,
    solution_shown: record.solutionShown ? 1 : 0,
    solved_by: record.solvedBy,
    answer: record.answer === null ? null : storable(record.answer),
    revision: record.revision,
  };
}

function sandboxOf(row: SandboxTable): SandboxRecord {
  return {
    learner: row.learner_id,
    id: row.id,
    home: row.home,
    provider: row.provider,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
  };
}

/** PostgreSQL has no null characters in texts. */
function storable(text: string): string {
  return text.replaceAll('\0', '');
}
