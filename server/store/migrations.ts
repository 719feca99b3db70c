import type { Kysely, Migration, MigrationProvider } from '#kysely';
import { sql } from '#kysely';

/** What changed in the tables, in order. A migration that was released is never edited. */
const migrations: Record<string, Migration> = {
  '001-first': { up: first },
  '002-replicas': { up: replicas },
  '003-spares': { up: spares },
  '004-subjects': { up: subjects },
  '005-class-plan': { up: classPlan },
  '006-queue': { up: queue },
};

/** Hands the migrations to Kysely's Migrator. */
export const migrationProvider: MigrationProvider = { getMigrations: async () => migrations };

/** Their names, the oldest first: the last one tells what the tables look like. */
export function migrationNames(): string[] {
  return Object.keys(migrations).sort();
}

async function first(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('class')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('follow_slide', 'text')
    .execute();
  await db.schema
    .createTable('learners')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('name_key', 'text', column => column.notNull().unique())
    .addColumn('joined_at', 'bigint', column => column.notNull())
    .addColumn('last_seen_at', 'bigint', column => column.notNull())
    .addColumn('lesson', 'text')
    .addColumn('key_hash', 'text', column => column.unique())
    .execute();
  await db.schema
    .createTable('auth_sessions')
    .addColumn('token_hash', 'text', column => column.primaryKey())
    .addColumn('role', 'text', column => column.notNull())
    .addColumn('learner_id', 'text', column => column.references('learners.id').onDelete('cascade'))
    .addColumn('created_at', 'bigint', column => column.notNull())
    .execute();
  await createProgress(db);
  await db.schema
    .createTable('messages')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('text', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .execute();
  await db.schema
    .createTable('sandboxes')
    .addColumn('learner_id', 'text', column => column.primaryKey().references('learners.id').onDelete('cascade'))
    .addColumn('id', 'text', column => column.notNull().unique())
    .addColumn('home', 'text', column => column.notNull())
    .addColumn('provider', 'text', column => column.notNull())
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
  await db.schema
    .createTable('check_leases')
    .addColumn('learner_id', 'text', column => column.primaryKey().references('learners.id').onDelete('cascade'))
    .addColumn('holder', 'text', column => column.notNull())
    .addColumn('until', 'bigint', column => column.notNull())
    .execute();
}

async function createProgress(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('exercises')
    .addColumn('learner_id', 'text', column => column.notNull().references('learners.id').onDelete('cascade'))
    .addColumn('exercise', 'text', column => column.notNull())
    .addColumn('opened_at', 'bigint')
    .addColumn('passed_at', 'bigint')
    .addColumn('failures', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('hints', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('solution_shown', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('solved_by', 'text')
    .addColumn('answer', 'text')
    .addColumn('revision', 'text')
    .addPrimaryKeyConstraint('exercises_key', ['learner_id', 'exercise'])
    .execute();
  await db.schema
    .createTable('check_results')
    .addColumn('learner_id', 'text', column => column.notNull().references('learners.id').onDelete('cascade'))
    .addColumn('exercise', 'text', column => column.notNull())
    .addColumn('check_id', 'text', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull().check(sql`state in ('unknown', 'passed', 'failed')`))
    .addColumn('result', 'text', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .addPrimaryKeyConstraint('check_results_key', ['learner_id', 'exercise', 'check_id'])
    .execute();
}

async function replicas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('secrets')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute();
  await db.schema
    .createTable('replicas')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('until', 'bigint', column => column.notNull())
    .execute();
  await db.schema
    .createTable('session_leases')
    .addColumn('learner_id', 'text', column => column.primaryKey().references('learners.id').onDelete('cascade'))
    .addColumn('replica_id', 'text', column => column.notNull().references('replicas.id').onDelete('cascade'))
    .execute();
  await db.schema
    .createTable('learner_rows')
    .addColumn('learner_id', 'text', column => column.primaryKey().references('learners.id').onDelete('cascade'))
    .addColumn('row', 'text', column => column.notNull())
    .execute();
}

async function spares(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('learners').addColumn('home', 'text').execute();
  await db.schema
    .createTable('spares')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('home', 'text', column => column.notNull())
    .addColumn('holder', 'text', column => column.notNull())
    .addColumn('created_at', 'bigint', column => column.notNull())
    .execute();
}

async function subjects(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('subjects')
    .addColumn('subject', 'text', column => column.primaryKey())
    .addColumn('learner_id', 'text', column => column.notNull().references('learners.id').onDelete('cascade'))
    .execute();
}

async function classPlan(db: Kysely<unknown>): Promise<void> {
  // One at a time, for SQLite.
  await db.schema.alterTable('class').addColumn('size', 'integer').execute();
  await db.schema.alterTable('class').addColumn('starts_at', 'bigint').execute();
  await db.schema.alterTable('class').addColumn('deletes_at', 'bigint').execute();
  await db.schema.alterTable('class').addColumn('revision', 'text').execute();
  await db.schema
    .createTable('class_content')
    .addColumn('revision', 'text', column => column.primaryKey())
    .addColumn('packed', 'text', column => column.notNull())
    .execute();
}

async function queue(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sandbox_queue')
    .addColumn('learner_id', 'text', column => column.primaryKey().references('learners.id').onDelete('cascade'))
    .addColumn('replica_id', 'text', column => column.notNull().references('replicas.id').onDelete('cascade'))
    .addColumn('asked_at', 'bigint', column => column.notNull())
    .execute();
}
