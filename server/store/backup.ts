/**
 * The store as lines of JSON, the same whatever database it came from and goes to:
 *
 *     {"format":"unicorn-backup","version":1,"tables":"002-replicas","atMs":…}
 *     {"table":"learners","row":{"id":…,"name":…}}
 *     …
 *     {"rows":N,"sha256":"…"}             of all lines before it
 *
 * It holds what a class is: people, progress, secrets. Which servers and sandboxes there are just now is not in it, nor are the homes.
 */
import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from '#kysely';
import { StartError } from '../errors.ts';
import { migrationNames } from './migrations.ts';
import type { Tables } from './tables.ts';

/** In an order in which each finds what it refers to. */
const kept = [
  'class',
  'class_content',
  'secrets',
  'messages',
  'learners',
  'subjects',
  'auth_sessions',
  'exercises',
  'check_results',
] as const;
/** Of servers that run, and emptied with the rest. */
const passing = [
  'sandbox_queue',
  'replicas',
  'check_leases',
  'session_leases',
  'learner_rows',
  'sandboxes',
  'spares',
] as const;
const format = 'unicorn-backup';
const version = 1;
/** Rows that are inserted by one statement: databases bound the parameters of each. */
const batch = 100;

type Row = Record<string, string | number | null>;
type Table = (typeof kept)[number];

/** The lines of a backup, each with its end; consistent, whoever writes meanwhile. */
export async function* dump(db: Kysely<Tables>): AsyncGenerator<string> {
  const lines = await db.transaction().setIsolationLevel('repeatable read').execute(read);
  const hash = createHash('sha256');
  for (const value of [{ format, version, tables: migrationNames().at(-1), atMs: Date.now() }, ...lines]) {
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    yield line;
  }
  yield `${JSON.stringify({ rows: lines.length, sha256: hash.digest('hex') })}\n`;
}

async function read(db: Transaction<Tables>): Promise<{ table: Table; row: Row }[]> {
  const lines: { table: Table; row: Row }[] = [];
  for (const table of kept) {
    const rows = (await db.selectFrom(table).selectAll().execute()) as Row[];
    for (const row of rows) lines.push({ table, row });
  }
  return lines;
}

/** Puts a backup in the place of all that the store holds, or leaves everything as it was. @throws StartError with the line that is wrong */
export async function restore(db: Kysely<Tables>, text: string, file: string): Promise<number> {
  const rows = parse(text, file);
  await db.transaction().execute(async transaction => {
    for (const table of [...passing, ...kept.toReversed()]) await transaction.deleteFrom(table).execute();
    for (const table of kept) await insert(transaction, table, rows.get(table) ?? []);
  });
  return [...rows.values()].flat().length;
}

/** Whether there is anything to lose. */
export async function isEmpty(db: Kysely<Tables>): Promise<boolean> {
  const { count } = await db.selectFrom('learners').select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  return Number(count) === 0;
}

async function insert(db: Transaction<Tables>, table: Table, rows: Row[]): Promise<void> {
  for (let at = 0; at < rows.length; at += batch) {
    await db
      .insertInto(table)
      .values(rows.slice(at, at + batch) as never)
      .execute();
  }
}

function parse(text: string, file: string): Map<Table, Row[]> {
  const lines = text.split('\n').filter(line => line !== '');
  requireHeader(objectOf(lines[0], `${file}:1`), file);
  requireWhole(lines, file);
  const rows = new Map<Table, Row[]>();
  for (const [index, line] of lines.slice(1, -1).entries()) {
    const place = `${file}:${index + 2}`;
    const { table, row } = objectOf(line, place) as { table?: Table; row?: Row };
    if (!table || !kept.includes(table) || !isRow(row)) throw new StartError(`${place}: not a row of the store`);
    rows.set(table, [...(rows.get(table) ?? []), row]);
  }
  return rows;
}

function requireHeader(header: Record<string, unknown>, file: string): void {
  if (header['format'] !== format) throw new StartError(`${file} is not a backup of Unicorn.`);
  if (header['version'] === version && migrationNames().includes(String(header['tables']))) return;
  throw new StartError(`${file} was made by a newer Unicorn.`, 'Restore it with that one, or a newer one.');
}

function requireWhole(lines: string[], file: string): void {
  const end = objectOf(lines.at(-1), `${file}:${lines.length}`);
  const body = lines.slice(0, -1).map(line => `${line}\n`);
  const right = createHash('sha256').update(body.join('')).digest('hex');
  if (end['rows'] === lines.length - 2 && end['sha256'] === right) return;
  throw new StartError(`${file} is not whole: it was cut off or changed.`, 'Take another copy of it.');
}

function objectOf(line: string | undefined, place: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line ?? '');
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new StartError(`${place}: not a line of a backup`, 'Take another copy of it.');
}

function isRow(row: unknown): row is Row {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return false;
  return Object.values(row).every(value => value === null || typeof value === 'string' || Number.isSafeInteger(value));
}
