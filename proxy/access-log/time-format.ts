/** The time formats of access logs: strftime's, with Envoy's additions for fractions. Times are UTC, or this machine's. */

const shortDays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** A moment, taken apart. */
interface Moment {
  date: Date;
  /** Nanoseconds within the second. */
  nanoseconds: number;
  /** Minutes that the machine's time is before UTC; 0 for times in UTC. */
  behindMinutes: number;
  zone: string;
}

type Part = (moment: Moment) => string;

const two = (value: number) => String(value).padStart(2, '0');
const fraction =
  (digits: number): Part =>
  ({ nanoseconds }) =>
    String(nanoseconds).padStart(9, '0').slice(0, digits);
const dayOfYear = (date: Date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
const hour12 = (date: Date) => date.getUTCHours() % 12 || 12;

const parts: Record<string, Part> = {
  Y: ({ date }) => String(date.getUTCFullYear()),
  y: ({ date }) => two(date.getUTCFullYear() % 100),
  m: ({ date }) => two(date.getUTCMonth() + 1),
  d: ({ date }) => two(date.getUTCDate()),
  e: ({ date }) => String(date.getUTCDate()).padStart(2),
  H: ({ date }) => two(date.getUTCHours()),
  I: ({ date }) => two(hour12(date)),
  M: ({ date }) => two(date.getUTCMinutes()),
  S: ({ date }) => two(date.getUTCSeconds()),
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  j: ({ date }) => String(dayOfYear(date)).padStart(3, '0'),
  a: ({ date }) => shortDays[date.getUTCDay()]!,
  A: ({ date }) => days[date.getUTCDay()]!,
  b: ({ date }) => months[date.getUTCMonth()]!.slice(0, 3),
  h: ({ date }) => months[date.getUTCMonth()]!.slice(0, 3),
  B: ({ date }) => months[date.getUTCMonth()]!,
  F: ({ date }) => date.toISOString().slice(0, 10),
  T: ({ date }) => date.toISOString().slice(11, 19),
  D: ({ date }) => `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`,
  R: ({ date }) => date.toISOString().slice(11, 16),
  s: ({ date }) => String(Math.floor(date.getTime() / 1000)),
  f: fraction(9),
  z: ({ behindMinutes: behind }) =>
    (behind > 0 ? '-' : '+') + two(Math.floor(Math.abs(behind) / 60)) + two(Math.abs(behind) % 60),
  Z: ({ zone }) => zone,
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

const minuteMs = 60_000;

const zoneName = (date: Date): string =>
  new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';

/**
 * Compiles a format; without one, `2026-01-31T12:00:00.000Z`. Gives the text of a moment in milliseconds since the epoch.
 * @param local by the machine's time zone
 */
export function compileTime(format: string | undefined, local = false): (milliseconds: number) => string {
  if (!format) {
    if (local) return compileTime('%Y-%m-%dT%H:%M:%E3S%z', true);
    return milliseconds => new Date(milliseconds).toISOString();
  }
  const compiled = [...format.matchAll(/%(?:([1-9])f|E(\d|\*)([Sf])|([A-Za-z%]))|[^%]+|%/g)].map(compilePart);
  return milliseconds => {
    const whole = Math.floor(milliseconds);
    const nanoseconds = (whole % 1000) * 1_000_000 + Math.round((milliseconds - whole) * 1_000_000);
    const date = new Date(whole);
    const behindMinutes = local ? date.getTimezoneOffset() : 0;
    // What getters of UTC then tell is the local time.
    const shown = local ? new Date(whole - behindMinutes * minuteMs) : date;
    const moment = { date: shown, nanoseconds, behindMinutes, zone: local ? zoneName(date) : 'UTC' };
    return compiled.map(part => part(moment)).join('');
  };
}

function compilePart([text, digits, extended, unit, letter]: RegExpExecArray): Part {
  if (digits !== undefined) return fraction(Number(digits));
  if (extended !== undefined) return withFraction(extended === '*' ? 9 : Number(extended), unit === 'S');
  return (letter !== undefined && parts[letter]) || (() => text);
}

function withFraction(digits: number, withSeconds: boolean): Part {
  const seconds = parts.S!;
  const part = fraction(digits);
  if (!withSeconds) return part;
  return moment => (digits === 0 ? seconds(moment) : `${seconds(moment)}.${part(moment)}`);
}
