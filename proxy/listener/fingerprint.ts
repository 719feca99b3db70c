/** JA3 and JA4: by what a client offers it is told which program it may be. */
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

/** By what comes after `TLS ` in their names. */
const versionNumbers = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
]);

const twoDigits = (count: number): string => String(Math.min(count, 99)).padStart(2, '0');
const hexList = (numbers: readonly number[]): string =>
  numbers.map(number => number.toString(16).padStart(4, '0')).join(',');
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** Of nothing there is no digest. */
const digest = (text: string): string =>
  text === '' ? '000000000000' : createHash('sha256').update(text).digest('hex').slice(0, 12);

/** The first and the last character of the first protocol. */
function protocolCharacters([name = '']: readonly string[]): string {
  if (name === '') return '00';
  const [first, last] = [name[0]!, name.at(-1)!];
  const plain = /^[0-9A-Za-z]{2}$/.test(first + last);
  return plain ? first + last : Buffer.from(first + last, 'latin1').toString('hex');
}

const serverNameExtension = 0;
const protocolsExtension = 16;

/**
 * What is offered in short, and two digests.
 * @see https://github.com/FoxIO-LLC/ja4
 */
export function ja4Fingerprint(hello: ClientHello): string {
  const known = (numbers: readonly number[]): number[] => numbers.filter(number => !isGrease(number));
  const [suites, extensions] = [known(hello.suites), known(hello.extensions)];
  const newest = Math.max(0, ...known(hello.versions)) || hello.version;
  const head = [
    `t${versionNumbers.get(newest) ?? '00'}`,
    extensions.includes(serverNameExtension) ? 'd' : 'i',
    twoDigits(suites.length),
    twoDigits(extensions.length),
    protocolCharacters(hello.applicationProtocols),
  ].join('');
  const telling = sorted(extensions.filter(type => type !== serverNameExtension && type !== protocolsExtension));
  const algorithms = hello.signatureAlgorithms.length === 0 ? '' : `_${hexList(hello.signatureAlgorithms)}`;
  const whole = telling.length === 0 ? '' : hexList(telling) + algorithms;
  return [head, digest(hexList(sorted(suites))), digest(whole)].join('_');
}
