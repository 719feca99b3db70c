/** How a decision is told to the person at the terminal. */
import { printable } from '../printable.ts';
import type { Decision } from './decisions.ts';

/** `shop user=ada → 3/5 per minute → OK` */
export function decisionLine({ domain, entries, status, count, reason }: Decision): string {
  const descriptor = entries.map(({ key, value }) => `${printable(key)}=${printable(value)}`).join(', ');
  const { limit, over, untilReset } = status;
  const counted = limit === undefined ? withoutLimit(reason) : `${count}/${limit.requestsPerUnit} per ${limit.unit}`;
  const tooMany = limit !== undefined && count > limit.requestsPerUnit;
  const code = over ? `OVER_LIMIT for ${untilReset} s` : `OK${tooMany ? ' (shadow mode)' : ''}`;
  return `${printable(domain)} ${descriptor} → ${counted} → ${code}`;
}

function withoutLimit(reason: Decision['reason']): string {
  if (reason === 'other domain') return 'the configuration has another domain';
  return reason === 'unlimited' ? 'unlimited' : 'no limit fits';
}
