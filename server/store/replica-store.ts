import { type Kysely, type RawBuilder, sql } from '#kysely';
import type { LearnerRow } from '../api.ts';
import type { Tables } from './tables.ts';

/** A server among several that share the store. */
export interface ReplicaRecord {
  id: string;
  /** Where the others reach it: `host:port`. */
  address: string;
  /** Until when it said that it lives; by the database's clock. */
  untilMs: number;
  /** Whether that time has passed. */
  expired: boolean;
}

/** Which servers there are, and which of them each learner's session lives in. A session's lease ends with its replica's row. */
export interface ReplicaStore {
  register(id: string, address: string, leaseMs: number): Promise<void>;
  /** Says that it still lives; false when another has buried it: its sessions may live elsewhere by now. */
  renew(id: string, leaseMs: number): Promise<boolean>;
  /** Ends a replica and all its leases; with `untilMs` only if it has not renewed since. False when it had, or was gone. */
  bury(id: string, untilMs?: number): Promise<boolean>;
  replicas(): Promise<ReplicaRecord[]>;

  /** Where a learner's session lives; null: nowhere. */
  holderOf(learner: string): Promise<ReplicaRecord | null>;
  /** Takes a session that lives nowhere. True when this replica has it, now or before. */
  takeSession(learner: string, replica: string): Promise<boolean>;
  /** The learners whose session lives somewhere. */
  held(): Promise<string[]>;
  /** The learners whose sandbox nobody looks after. */
  abandoned(): Promise<string[]>;

  /** Keeps the rows for the maps of the other replicas; of learners who are gone none is kept. */
  saveRows(rows: LearnerRow[]): Promise<void>;
  /** Those of these learners, or all. */
  rows(learners?: string[]): Promise<LearnerRow[]>;
}

/** The same on every database that Kysely speaks to. */
export class KyselyReplicaStore implements ReplicaStore {
  readonly #db: Kysely<Tables>;
  readonly #now: RawBuilder<number>;

  /** @param now the database's clock */
  constructor(db: Kysely<Tables>, now: RawBuilder<number>) {
    this.#db = db;
    this.#now = now;
  }

  async register(id: string, address: string, leaseMs: number): Promise<void> {
    const until = this.#after(leaseMs);
    await this.#db
      .insertInto('replicas')
      .values({ id, address, until })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ address, until }))
      .execute();
  }

  async renew(id: string, leaseMs: number): Promise<boolean> {
    const query = this.#db
      .updateTable('replicas')
      .set({ until: this.#after(leaseMs) })
      .where('id', '=', id);
    return Number((await query.executeTakeFirst()).numUpdatedRows) === 1;
  }

  async bury(id: string, untilMs?: number): Promise<boolean> {
    let query = this.#db.deleteFrom('replicas').where('id', '=', id);
    if (untilMs !== undefined) query = query.where('until', '=', untilMs);
    return Number((await query.executeTakeFirst()).numDeletedRows) === 1;
  }

  async replicas(): Promise<ReplicaRecord[]> {
    return (await this.#replicas().execute()).map(replicaOf);
  }

  async holderOf(learner: string): Promise<ReplicaRecord | null> {
    const row = await this.#replicas()
      .innerJoin('session_leases', 'session_leases.replica_id', 'replicas.id')
      .where('session_leases.learner_id', '=', learner)
      .executeTakeFirst();
    return row ? replicaOf(row) : null;
  }

  async takeSession(learner: string, replica: string): Promise<boolean> {
    // Both rows have to be there: a replica that was buried takes nothing, and who was removed has no session.
    const both = this.#db
      .selectFrom(['learners', 'replicas'])
      .select(['learners.id as learner_id', 'replicas.id as replica_id'])
      .where('learners.id', '=', learner)
      .where('replicas.id', '=', replica);
    const taken = await this.#db
      .insertInto('session_leases')
      .columns(['learner_id', 'replica_id'])
      .expression(both)
      .onConflict(conflict => conflict.column('learner_id').doNothing())
      .executeTakeFirst()
      .catch(nothingWhereGone);
    if (Number(taken?.numInsertedOrUpdatedRows) !== 1) return (await this.holderOf(learner))?.id === replica;
    // The checks of whoever had it are over.
    await this.#db.deleteFrom('check_leases').where('learner_id', '=', learner).execute();
    return true;
  }

  async held(): Promise<string[]> {
    const rows = await this.#db.selectFrom('session_leases').select('learner_id').execute();
    return rows.map(({ learner_id }) => learner_id);
  }

  async abandoned(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('sandboxes')
      .select('learner_id')
      .where('learner_id', 'not in', this.#db.selectFrom('session_leases').select('learner_id'))
      .execute();
    return rows.map(({ learner_id }) => learner_id);
  }

  async saveRows(rows: LearnerRow[]): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    await this.#db.transaction().execute(async db => {
      const there = await db.selectFrom('learners').select('id').where('id', 'in', ids).execute();
      const known = new Set(there.map(({ id }) => id));
      const values = rows
        .filter(({ id }) => known.has(id))
        .map(row => ({ learner_id: row.id, row: JSON.stringify(row) }));
      if (values.length === 0) return;
      await db
        .insertInto('learner_rows')
        .values(values)
        .onConflict(conflict => conflict.column('learner_id').doUpdateSet(row => ({ row: row.ref('excluded.row') })))
        .execute();
    });
  }

  async rows(learners?: string[]): Promise<LearnerRow[]> {
    let query = this.#db.selectFrom('learner_rows').select('row');
    if (learners) query = query.where('learner_id', 'in', learners);
    if (learners?.length === 0) return [];
    return (await query.execute()).map(({ row }) => JSON.parse(row) as LearnerRow);
  }

  #replicas() {
    return this.#db
      .selectFrom('replicas')
      .select(['replicas.id', 'replicas.address', 'replicas.until', this.#now.as('now')]);
  }

  #after(leaseMs: number): RawBuilder<number> {
    return sql<number>`${this.#now} + cast(${leaseMs} as bigint)`;
  }
}

function replicaOf({
  id,
  address,
  until,
  now,
}: {
  id: string;
  address: string;
  until: number;
  now: number;
}): ReplicaRecord {
  return { id, address, untilMs: until, expired: until <= now };
}

/** One of the rows that a new one refers to was removed at the same moment. */
function nothingWhereGone(error: { code?: string }): undefined {
  if (error.code !== '23503') throw error;
}
