/** JA3: by what a client offers it is told which program it may be. */
import { createHash } from 'node:crypto';
import type { ClientHello } from './client-hello.ts';

/** Numbers that clients only send so that servers stay used to unknown ones. @see https://www.rfc-editor.org/rfc/rfc8701 */
const isGrease = (number: number): boolean => (number & 0x0f0f) === 0x0a0a && number >> 8 === (number & 0xff);

/**
 * The digest in hexadecimal.
 * @see https://github.com/salesforce/ja3
 */
export function ja3Fingerprint({ version, suites, extensions, groups, pointFormats }: ClientHello): string {
  const listed = (numbers: readonly number[]): string => numbers.filter(number => !isGrease(number)).join('-');
  // As in Envoy, groups and formats are listed with all that is among them.
  const text = [version, listed(suites), listed(extensions), groups.join('-'), pointFormats.join('-')].join(',');
  return createHash('md5').update(text).digest('hex');
}
