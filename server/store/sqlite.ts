import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from '#kysely';
import { sqliteTrouble } from './sqlite-trouble.ts';

/**
 * Kysely's SQLite dialect over Node's own SQLite: no native module to build.
 *
 * @param file a path, or `:memory:`
 */
export function sqliteDialect(file: string): Dialect {
  return new SqliteDialect({ database: async () => openOrTell(file) });
}

/** @throws StartError */
function openOrTell(file: string): SqliteDatabase {
  try {
    return openDatabase(file);
  } catch (error) {
    throw sqliteTrouble(error as Error);
  }
}

function openDatabase(file: string): SqliteDatabase {
  // For its owner alone; the files beside it take over the mode.
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file, { timeout: 5000, enableForeignKeyConstraints: true });
  // WAL: readers go on while one writes. NORMAL keeps every transaction through a killed server; only a power cut may lose the last ones.
  database.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma trusted_schema = off');
  return {
    prepare: sql => wrapStatement(database.prepare(sql)),
    close: () => database.close(),
  };
}

function wrapStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: parameters => statement.all(...(parameters as SQLInputValue[])),
    iterate: parameters => statement.iterate(...(parameters as SQLInputValue[])),
    run: parameters => statement.run(...(parameters as SQLInputValue[])),
  };
}
