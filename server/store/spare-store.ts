import type { Kysely } from '#kysely';
import type { Tables } from './tables.ts';

/** In the column of a learner's home: there is none yet. */
export const noHome = '';

/** A sandbox that waits for a learner, or is being made to. */
export interface SpareRecord {
  id: string;
  home: string;
  /** The server that keeps it. */
  holder: string;
  createdAtMs: number;
}

/** Sandboxes without a learner. */
export interface SpareStore {
  all(): Promise<SpareRecord[]>;
  /** Stored before it is made, so that a server that is killed meanwhile finds it afterwards. */
  save(record: SpareRecord): Promise<void>;
  remove(id: string): Promise<void>;
  /**
   * Makes it the learner's, with its home, in one step. False when someone else got it, or the learner has a home already; then nothing has changed.
   */
  claim(id: string, learner: string, provider: string): Promise<boolean>;
}

/** The same on every database that Kysely speaks to. */
export class KyselySpareStore implements SpareStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async all(): Promise<SpareRecord[]> {
    const rows = await this.#db.selectFrom('spares').selectAll().execute();
    return rows.map(({ id, home, holder, created_at }) => ({ id, home, holder, createdAtMs: created_at }));
  }

  async save({ id, home, holder, createdAtMs }: SpareRecord): Promise<void> {
    const values = { home, holder, created_at: createdAtMs };
    await this.#db
      .insertInto('spares')
      .values({ id, ...values })
      .onConflict(conflict => conflict.column('id').doUpdateSet(values))
      .execute();
  }

  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom('spares').where('id', '=', id).execute();
  }

  async claim(id: string, learner: string, provider: string): Promise<boolean> {
    return this.#db.transaction().execute(async db => {
      const spare = await db.selectFrom('spares').selectAll().where('id', '=', id).executeTakeFirst();
      if (!spare) return false;
      // Whose statement comes second finds nothing to change, on either row.
      const { numDeletedRows } = await db.deleteFrom('spares').where('id', '=', id).executeTakeFirst();
      if (numDeletedRows === 0n) return false;
      const { numUpdatedRows } = await db
        .updateTable('learners')
        .set({ home: spare.home })
        .where('id', '=', learner)
        .where('home', '=', noHome)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) {
        await db.insertInto('spares').values(spare).execute();
        return false;
      }
      const values = { id, home: spare.home, provider, created_at: spare.created_at, expires_at: null };
      await db
        .insertInto('sandboxes')
        .values({ learner_id: learner, ...values })
        .onConflict(conflict => conflict.column('learner_id').doUpdateSet(values))
        .execute();
      return true;
    });
  }
}
