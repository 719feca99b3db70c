import { StartError } from '../errors.ts';

type SqliteError = Error & { code?: string; errcode?: number };

/** Whether SQLite itself says it: its errors carry a number of its own. */
export function isOfSqlite(error: Error): boolean {
  return 'errcode' in error;
}

/** Why the database in the data folder cannot be used, for whoever starts the server. */
export function sqliteTrouble(error: Error): StartError {
  return new StartError(
    `The database unicorn.sqlite in the data folder cannot be used: ${error.message}.`,
    remedyFor(error),
  );
}

/** The numbers are those of https://sqlite.org/rescode.html. */
function remedyFor({ code, errcode }: SqliteError): string {
  if (code === 'ENOSPC' || errcode === 13) return 'Make room on the disk, or name another folder with --data FOLDER.';
  if (errcode === 11 || errcode === 26)
    return 'It is damaged. Put a copy of it back, or move it away: all progress begins anew then; files of learners stay.';
  return 'Make the data folder and what is in it yours, or name another one with --data FOLDER.';
}
