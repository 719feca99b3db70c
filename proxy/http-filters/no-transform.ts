import type { HeaderMap } from '../http/headers.ts';

/** Whether `cache-control` forbids to change the body's coding. */
export function hasNoTransform(head: HeaderMap): boolean {
  const said = head.getAll('cache-control');
  return said?.split(',').some(one => one.trim().toLowerCase() === 'no-transform') === true;
}
