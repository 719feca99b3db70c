import { type Kysely, type RawBuilder, sql, type Transaction } from '#kysely';
import type { SpareRecord } from './spare-store.ts';
import type { SandboxRecord } from './store.ts';
import type { Tables } from './tables.ts';

/** How many sandboxes all servers of a class have together, and who waits for one. */
export interface PlaceStore {
  /**
   * Takes a place for a sandbox: it is stored, where fewer than `maximum` are there and nobody waits who came before and would get it. Null then;
   * else the place in the queue, from 1, in which the learner is from now on.
   */
  ask(record: SandboxRecord, replica: string, maximum: number): Promise<number | null>;
  /** Takes a place for a sandbox that waits for a learner, where nobody waits for one. */
  askForSpare(record: SpareRecord, maximum: number): Promise<boolean>;
  /** Gives up waiting. */
  leave(learner: string): Promise<void>;
  /** How many there are, and the learners who wait, in order. */
  state(): Promise<{ used: number; queue: string[] }>;
}

/** The same on every database that Kysely speaks to. */
export class KyselyPlaceStore implements PlaceStore {
  readonly #db: Kysely<Tables>;
  readonly #now: RawBuilder<number>;

  /** @param now the database's clock */
  constructor(db: Kysely<Tables>, now: RawBuilder<number>) {
    this.#db = db;
    this.#now = now;
  }

  ask({ learner, ...record }: SandboxRecord, replica: string, maximum: number): Promise<number | null> {
    return this.#alone(async db => {
      await db
        .insertInto('sandbox_queue')
        .values({ learner_id: learner, replica_id: replica, asked_at: await this.#afterAllIn(db) })
        .onConflict(conflict => conflict.column('learner_id').doUpdateSet({ replica_id: replica }))
        .execute();
      const queue = await queueOf(db);
      const ahead = queue.indexOf(learner);
      if ((await usedOf(db, learner)) + ahead >= maximum) return ahead + 1;
      const values = {
        ...{ id: record.id, home: record.home, provider: record.provider },
        ...{ created_at: record.createdAtMs, expires_at: record.expiresAtMs },
      };
      await db
        .insertInto('sandboxes')
        .values({ learner_id: learner, ...values })
        .onConflict(conflict => conflict.column('learner_id').doUpdateSet(values))
        .execute();
      await db.deleteFrom('sandbox_queue').where('learner_id', '=', learner).execute();
      return null;
    });
  }

  askForSpare({ id, home, holder, createdAtMs }: SpareRecord, maximum: number): Promise<boolean> {
    return this.#alone(async db => {
      if ((await usedOf(db, null)) + (await queueOf(db)).length >= maximum) return false;
      await db.insertInto('spares').values({ id, home, holder, created_at: createdAtMs }).execute();
      return true;
    });
  }

  async leave(learner: string): Promise<void> {
    await this.#db.deleteFrom('sandbox_queue').where('learner_id', '=', learner).execute();
  }

  async state(): Promise<{ used: number; queue: string[] }> {
    return { used: await usedOf(this.#db, null), queue: await queueOf(this.#db) };
  }

  /** Now, or later than whoever asked last: several ask within a millisecond, and a clock may be set back. */
  async #afterAllIn(db: Kysely<Tables>): Promise<RawBuilder<number>> {
    const { last } = await db
      .selectFrom('sandbox_queue')
      .select(({ fn }) => fn.max('asked_at').as('last'))
      .executeTakeFirstOrThrow();
    const next = Number(last ?? 0) + 1;
    return sql<number>`case when ${this.#now} > ${next} then ${this.#now} else ${next} end`;
  }

  /** One server after the other: a row that all of them have is locked to the end of it. */
  #alone<T>(work: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async db => {
      await db
        .updateTable('secrets')
        .set({ value: sql.ref('value') })
        .where('name', '=', 'replicas')
        .execute();
      return work(db);
    });
  }
}

/** Without the one that this learner has. One statement, so that a spare that becomes a learner's meanwhile is counted once, not never. */
async function usedOf(db: Kysely<Tables>, learner: string | null): Promise<number> {
  const all = db
    .selectFrom('sandboxes')
    .select('home')
    .where('learner_id', '!=', learner ?? '')
    .unionAll(db.selectFrom('spares').select('home'));
  const { used } = await db
    .selectFrom(all.as('all'))
    .select(({ fn }) => fn.countAll().as('used'))
    .executeTakeFirstOrThrow();
  return Number(used);
}

async function queueOf(db: Kysely<Tables>): Promise<string[]> {
  const rows = await db
    .selectFrom('sandbox_queue')
    .select('learner_id')
    .orderBy('asked_at')
    .orderBy('learner_id')
    .execute();
  return rows.map(({ learner_id }) => learner_id);
}
