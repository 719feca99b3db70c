import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How far the clocks of two servers may be apart, and how long a request may be on its way. */
const validMs = 5 * 60_000;

/** The header of what one server of the class sends to another. */
export const sealHeader = 'x-unicorn-replica';

/** Makes known that a request comes from a server of the class, and for which of them it is. The secret itself is never sent. */
export function seal(secret: string, target: string, method: string, path: string): string {
  const head = `${target} ${Date.now()} ${randomBytes(9).toString('base64url')}`;
  return `${head} ${mac(secret, `${head} ${method} ${path}`)}`;
}

/** Whether this seal is of a server of the class, and for this one. */
export function isSealed(secret: string, own: string, text: unknown, method: string, path: string): boolean {
  if (typeof text !== 'string') return false;
  const [target = '', at = '', once = '', given = ''] = text.split(' ');
  if (target !== own || !(Math.abs(Date.now() - Number(at)) < validMs)) return false;
  return same(given, mac(secret, `${target} ${at} ${once} ${method} ${path}`));
}

/** What a server answers to a sealed greeting, and nobody else can. */
export function answerTo(secret: string, text: string): string {
  return mac(secret, `alive ${text}`);
}

export function same(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}

function mac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url');
}
