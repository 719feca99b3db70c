/**
 * Ranges of the host's user ids for sandboxes, leased so that no two live sandboxes on a machine share one, whichever server made them.
 *
 * A lease is an abstract unix socket that is bound to the range's name and inherited by the sandbox's keeper: the kernel frees it when the last holder is
 * gone, so there is nothing to clean up and nothing to go stale.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { userInfo } from 'node:os';
import { boxIds } from './oci.ts';

export interface IdRange {
  first: number;
  count: number;
}

export interface Lease {
  first: number;
  server: Server;
}

const rootRange: IdRange = { first: 2_000_683_008, count: boxIds * 4096 };

/** The lines `name:first:count` of /etc/subuid or /etc/subgid. */
export function parseSubordinate(text: string): (IdRange & { owner: string })[] {
  return text.split('\n').flatMap(line => {
    const [owner, first, count] = line.split(':');
    return owner && /^\d+$/.test(first ?? '') && /^\d+$/.test(count ?? '')
      ? [{ owner, first: Number(first), count: Number(count) }]
      : [];
  });
}

const overlap = (a: IdRange, b: IdRange): boolean => a.first < b.first + b.count && b.first < a.first + a.count;

/** The part that two lists of ranges have in common, as ranges. */
function common(a: IdRange[], b: IdRange[]): IdRange[] {
  return a.flatMap(x =>
    b.flatMap(y => {
      const first = Math.max(x.first, y.first);
      const count = Math.min(x.first + x.count, y.first + y.count) - first;
      return count > 0 ? [{ first, count }] : [];
    }),
  );
}

/**
 * The first ids of the ranges of 2,048 that the user may give to sandboxes. A plain user's own, as far as no other user was given the same; for root
 * a range far from what anybody is given.
 */
export function freeRanges(user: { uid: number; name: string }, subuid: string, subgid: string): number[] {
  const ids = parseSubordinate(subuid);
  const groups = parseSubordinate(subgid);
  const mine = (entry: { owner: string }): boolean => entry.owner === user.name || entry.owner === String(user.uid);
  const allowed = user.uid === 0 ? [rootRange] : common(ids.filter(mine), groups.filter(mine));
  const others = [...ids, ...groups].filter(entry => !mine(entry));
  return allowed
    .flatMap(range =>
      Array.from({ length: Math.floor(range.count / boxIds) }, (_, index) => range.first + index * boxIds),
    )
    .filter(first => !others.some(other => overlap(other, { first, count: boxIds })));
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** `freeRanges` of the user that runs this, on this machine. */
export function ownRanges(): number[] {
  const { uid, username } = userInfo();
  return freeRanges({ uid, name: username }, read('/etc/subuid'), read('/etc/subgid'));
}

function bind(first: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(`\0unicorn-ids-${first}`, () => resolve(server));
  });
}

/** Leases the first range that nobody holds; undefined where all are taken. Close the server once the keeper has inherited it. */
export async function leaseRange(ranges: number[]): Promise<Lease | undefined> {
  for (const first of ranges) {
    const server = await bind(first);
    if (server) return { first, server };
  }
  return undefined;
}
