/**
 * The learner's files. Every path is resolved by the kernel as if the world's root were the root of all, with the learner's rights, so that no
 * link or name leads out of the world nor to what the learner may not touch.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { worldOffset, worldPaths, worldUsers } from '../../box/specification.ts';
import { Failure } from '../failure.ts';
import type { FileEntry, Methods } from '../protocol/messages.ts';
import { makeFolder, openInRoot, reserve, withFileRightsOf } from './system.ts';

type Result<M extends keyof Methods> = Methods[M]['result'];

const mostBytes = 512 * 1024;
const mostEntries = 1000;
const learner = worldUsers.learner + worldOffset;
/** O_PATH, the same on every Linux. */
const pathOnly = 0x200000;
// Never waits on a FIFO, never makes a terminal ours.
const always = constants.O_NONBLOCK | constants.O_NOCTTY;

const codes: Record<string, [Failure['code'], string]> = {
  ENOENT: ['not-found', 'is not there'],
  ENOTDIR: ['not-found', 'is not there'],
  EACCES: ['refused', 'may not be touched by the learner'],
  EPERM: ['refused', 'may not be touched by the learner'],
  EROFS: ['refused', 'cannot be written'],
  EISDIR: ['invalid', 'is a folder'],
  ENXIO: ['invalid', 'is not a regular file'],
  ELOOP: ['invalid', 'is a link that leads nowhere'],
  ENAMETOOLONG: ['invalid', 'has too long a name'],
  ENOSPC: ['too-large', 'does not fit: the disk of the sandbox is full'],
  EDQUOT: ['too-large', 'does not fit: the disk of the sandbox is full'],
};

/** Opens the world's root for a piece of work on a path of it. */
function within<T>(worldPid: number, path: string, work: (root: number, path: string) => T): T {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw new Failure('invalid', 'a path is needed');
  const root = openSync(`/proc/${worldPid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return withFileRightsOf(learner, () => work(root, posix.resolve(worldPaths.home, path)));
  } catch (error) {
    const known = codes[(error as NodeJS.ErrnoException).code ?? ''];
    throw known ? new Failure(known[0], `${path} ${known[1]}`) : error;
  } finally {
    closeSync(root);
  }
}

function use<T>(descriptor: number, work: (descriptor: number) => T): T {
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function regular(descriptor: number, path: string): Stats {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) throw new Failure('invalid', `${path} is not a regular file`);
  return stats;
}

export function readFile(worldPid: number, path: string, maximumBytes: number): Result<'file.read'> {
  return within(worldPid, path, (root, full) =>
    use(openInRoot(root, full, constants.O_RDONLY | always), descriptor => {
      const stats = regular(descriptor, path);
      const most = Math.min(maximumBytes, mostBytes);
      if (stats.size > most) throw new Failure('too-large', `${path} has ${stats.size} bytes, ${most} are allowed`);
      return { content: readAll(descriptor, most), modifiedMs: Math.round(stats.mtimeMs) };
    }),
  );
}

/** Files such as those of /proc tell no size. */
function readAll(descriptor: number, most: number): string {
  const bytes = Buffer.allocUnsafe(most);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, bytes, length, most - length, null);
    length += count;
    if (count === 0 || length === most) return bytes.toString('utf8', 0, length);
  }
}

/** Writes in place, since links and programs that watch know the file itself; room is reserved before anything is lost. Missing folders are made. */
export function writeFile(worldPid: number, path: string, content: string): Result<'file.write'> {
  const bytes = Buffer.from(content);
  if (bytes.length > mostBytes) throw new Failure('too-large', `${bytes.length} bytes, ${mostBytes} are allowed`);
  return within(worldPid, path, (root, full) => {
    makeFolders(root, posix.dirname(full));
    return use(openInRoot(root, full, constants.O_WRONLY | constants.O_CREAT | always, 0o644), descriptor => {
      regular(descriptor, path);
      reserve(descriptor, bytes.length);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
      ftruncateSync(descriptor, bytes.length);
      return { modifiedMs: Math.round(fstatSync(descriptor).mtimeMs) };
    });
  });
}

function makeFolders(root: number, path: string): void {
  if (isThere(root, path)) return;
  const parent = posix.dirname(path);
  makeFolders(root, parent);
  use(openInRoot(root, parent, constants.O_RDONLY | constants.O_DIRECTORY), folder =>
    makeFolder(folder, posix.basename(path), 0o755),
  );
}

function isThere(root: number, path: string): boolean {
  try {
    closeSync(openInRoot(root, path, pathOnly));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

export function listFolder(worldPid: number, path: string): Result<'file.list'> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | always;
  const opened = within(worldPid, path, (root, full) => openInRoot(root, full, flags));
  return use(opened, descriptor => {
    // The folder was opened with the learner's rights; only the agent may look into its own /proc/self/fd.
    const base = `/proc/self/fd/${descriptor}`;
    const folder = opendirSync(base);
    try {
      return { entries: entries(folder, base) };
    } finally {
      folder.closeSync();
    }
  });
}

function entries(folder: ReturnType<typeof opendirSync>, base: string): FileEntry[] {
  const found: FileEntry[] = [];
  for (let entry = folder.readSync(); entry && found.length < mostEntries; entry = folder.readSync()) {
    const stats = lstatSync(`${base}/${entry.name}`, { throwIfNoEntry: false });
    if (stats)
      found.push({ name: entry.name, kind: kindOf(stats), size: stats.size, modifiedMs: Math.round(stats.mtimeMs) });
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function kindOf(stats: Stats): FileEntry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
