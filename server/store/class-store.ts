import type { Kysely, Transaction } from '#kysely';
import type { ClassPlan } from '../api.ts';
import type { Tables } from './tables.ts';

/** The one row of the table. */
export const classId = 'class';

/** What the class is set up as. */
export interface ClassStore {
  /** `revision`: of the content that the class keeps; null: none of its own. */
  plan(): Promise<{ plan: ClassPlan; revision: string | null }>;
  setPlan(plan: ClassPlan): Promise<void>;
  /** Keeps content for the class, unless it has some. */
  keepContent(revision: string, packed: string): Promise<void>;
  content(): Promise<{ revision: string; packed: string } | null>;
  releaseContent(): Promise<void>;
  secret(name: string): Promise<string | null>;
  setSecret(name: string, value: string): Promise<void>;
  /**
   * Forgets plan, content, messages and slide, and puts new secrets in the place of old ones. False when the plan's deletion is not at that time
   * (any more): then nothing has changed.
   */
  end(deletesAtMs: number, secrets: Record<string, string>): Promise<boolean>;
}

/** The same on every database that Kysely speaks to. */
export class KyselyClassStore implements ClassStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async plan(): Promise<{ plan: ClassPlan; revision: string | null }> {
    const row = await this.#db.selectFrom('class').selectAll().where('id', '=', classId).executeTakeFirst();
    const plan = {
      size: row?.size ?? null,
      startsAtMs: row?.starts_at ?? null,
      deletesAtMs: row?.deletes_at ?? null,
    };
    return { plan, revision: row?.revision ?? null };
  }

  async setPlan({ size, startsAtMs, deletesAtMs }: ClassPlan): Promise<void> {
    await this.#set({ size, starts_at: startsAtMs, deletes_at: deletesAtMs });
  }

  async keepContent(revision: string, packed: string): Promise<void> {
    await this.#db.transaction().execute(async db => {
      // The statement of whoever comes second finds nothing to change.
      const { numUpdatedRows } = await db
        .updateTable('class')
        .set({ revision })
        .where('id', '=', classId)
        .where('revision', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return;
      await db.deleteFrom('class_content').execute();
      await db.insertInto('class_content').values({ revision, packed }).execute();
    });
  }

  async content(): Promise<{ revision: string; packed: string } | null> {
    const row = await this.#db.selectFrom('class_content').selectAll().executeTakeFirst();
    return row ? { revision: row.revision, packed: row.packed } : null;
  }

  async releaseContent(): Promise<void> {
    await this.#db.transaction().execute(releaseIn);
  }

  async secret(name: string): Promise<string | null> {
    const row = await this.#db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst();
    return row?.value ?? null;
  }

  async setSecret(name: string, value: string): Promise<void> {
    await setSecretIn(this.#db, name, value);
  }

  async end(deletesAtMs: number, secrets: Record<string, string>): Promise<boolean> {
    return this.#db.transaction().execute(async db => {
      const { numUpdatedRows } = await db
        .updateTable('class')
        .set({ size: null, starts_at: null, deletes_at: null, follow_slide: null })
        .where('id', '=', classId)
        .where('deletes_at', '=', deletesAtMs)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await releaseIn(db);
      await db.deleteFrom('messages').execute();
      for (const [name, value] of Object.entries(secrets)) await setSecretIn(db, name, value);
      return true;
    });
  }

  async #set(values: { size: number | null; starts_at: number | null; deletes_at: number | null }): Promise<void> {
    await this.#db
      .insertInto('class')
      .values({ id: classId, ...values })
      .onConflict(conflict => conflict.column('id').doUpdateSet(values))
      .execute();
  }
}

async function releaseIn(db: Transaction<Tables>): Promise<void> {
  await db.updateTable('class').set({ revision: null }).execute();
  await db.deleteFrom('class_content').execute();
}

async function setSecretIn(db: Kysely<Tables>, name: string, value: string): Promise<void> {
  await db
    .insertInto('secrets')
    .values({ name, value })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
