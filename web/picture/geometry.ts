import type { Leg } from './journey.ts';

export interface Point {
  x: number;
  y: number;
}
type PlaceName = Leg['from'];

export const height = 68;
/** The longest name that is not shortened has 14 letters. */
const nodeWidth = 120;
const tallest = 28;
const gap = 4;

/** The size of a place's box; where several hosts share the height, theirs are lower. */
export function boxOf(hosts: number): { width: number; height: number } {
  return { width: nodeWidth, height: Math.min(tallest, height / hosts - gap) };
}

/** The middle of a place's box on a picture of that width. */
export function centreOf(place: PlaceName, host: string, hosts: string[], width: number): Point {
  if (place === 'client') return { x: nodeWidth / 2 + 1, y: height / 2 };
  if (place === 'proxy') return { x: width / 2, y: height / 2 };
  const row = Math.max(0, hosts.indexOf(host));
  return { x: width - nodeWidth / 2 - 1, y: (height * (row + 0.5)) / hosts.length };
}

/** From where a leg starts to where it ends: at the boxes' edges, so that no dot covers a name. */
export function wayOf(leg: Leg, hosts: string[], width: number): { from: Point; to: Point } {
  const from = centreOf(leg.from, leg.host, hosts, width);
  const to = centreOf(leg.to, leg.host, hosts, width);
  const inward = (Math.sign(to.x - from.x) * nodeWidth) / 2;
  return { from: { ...from, x: from.x + inward }, to: { ...to, x: to.x - inward } };
}
