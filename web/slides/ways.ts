/** The ways of a picture on a slide: arrows that requests take. */
import type { TrafficRequest } from '../../server/api.ts';
import { flagOf, isFailure, markOf } from '../picture/journey.ts';

/** An arrow whose id ends in `way-2-shop`: the second step, where it leads to shop; `way-1` is a step that all take. */
export interface Way {
  id: string;
  step: number;
  /** '' for one that all take. */
  branch: string;
  /** What an example that took it is answered. */
  mark: string;
}

/** A dot goes along an arrow, or back. */
export interface Move {
  way: Way;
  back: boolean;
  startMs: number;
  failed: boolean;
  /** Shown at the end. */
  mark: string;
}

/** So long a dot takes for an arrow, whatever the request took. */
export const moveMs = 450;

/** The way of an arrow with that id, if requests take it. */
export function parseWay(id: string, mark: string | null): Way | undefined {
  const [, step, branch = ''] = /-way-(\d)(?:-([a-z0-9-]+))?$/.exec(id) ?? [];
  return step === undefined ? undefined : { id, step: Number(step), branch, mark: mark ?? '200' };
}

/** One arrow for each step: that of the branch, else the one that all take. Of a branch that is not there, those of the first. */
function along(ways: Way[], wanted: string): Way[] {
  const branches = branchesOf(ways);
  const branch = branches.includes(wanted) ? wanted : branches[0];
  const steps = [...new Set(ways.map(way => way.step))].toSorted((a, b) => a - b);
  return steps.flatMap(step => {
    const choice = ways.filter(way => way.step === step);
    return choice.find(way => way.branch === branch) ?? choice.find(way => way.branch === '') ?? [];
  });
}

const branchesOf = (ways: Way[]): string[] => [...new Set(ways.map(way => way.branch).filter(Boolean))];

interface Answer {
  failed: boolean;
  mark: string;
}

function travel(path: Way[], tries: Answer[], last: Answer): Move[] {
  const [first, ...rest] = path;
  if (first === undefined) return [];
  const moves: Move[] = [];
  const go = (way: Way, back: boolean, { failed, mark }: Answer) =>
    moves.push({ way, back, failed, mark, startMs: moves.length * moveMs });
  const asking: Answer = { failed: false, mark: '' };
  go(first, false, asking);
  for (const answer of tries) {
    for (const way of rest) go(way, false, asking);
    for (const way of rest.toReversed()) go(way, true, { ...answer, mark: way === rest[0] ? answer.mark : '' });
  }
  go(first, true, last);
  return moves;
}

/** An example; from turn to turn it takes another branch. */
export function exampleMoves(ways: Way[], turn: number): Move[] {
  const branches = branchesOf(ways);
  const path = along(ways, branches[turn % Math.max(1, branches.length)] ?? '');
  const mark = path.at(-1)?.mark ?? '';
  const answer = { failed: /^(5|NACK)/.test(mark), mark };
  return travel(path, [{ ...answer, mark: '' }], answer);
}

/** What the proxy reported of a request, try by try, on the branch of its cluster. */
export function requestMoves(ways: Way[], request: TrafficRequest): Move[] {
  const tries = request.attempts.map(({ status, flag }) => ({
    failed: isFailure(status) || flagOf(flag) !== '',
    mark: markOf(status, flag),
  }));
  const last = { failed: isFailure(request.status), mark: markOf(request.status, request.flags) };
  return travel(along(ways, request.cluster), tries, last);
}
