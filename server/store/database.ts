import { join } from 'node:path';
import { type Dialect, type RawBuilder, sql } from '#kysely';
import type { Settings } from '../settings.ts';

/** A database that holds the store: how to speak to it, and its own clock, which is one for all servers. */
export interface Database {
  dialect: Dialect;
  /** Milliseconds since the epoch, by the database's clock. */
  now: RawBuilder<number>;
}

/**
 * PostgreSQL by its URL, else SQLite in this file. Each is loaded only where it is used.
 *
 * @param url `postgres://…`, or null
 */
export async function openDatabase(url: string | null, file: string): Promise<Database> {
  if (url === null) {
    const { sqliteDialect } = await import('./sqlite.ts');
    return { dialect: sqliteDialect(file), now: sql`cast(unixepoch('subsec') * 1000 as integer)` };
  }
  const { postgresDialect } = await import('./postgres.ts');
  return { dialect: postgresDialect(url), now: sql`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)` };
}

/** The database that the settings name. */
export function databaseOf({ databaseUrl, data }: Pick<Settings, 'databaseUrl' | 'data'>): Promise<Database> {
  return openDatabase(databaseUrl, join(data, 'unicorn.sqlite'));
}
