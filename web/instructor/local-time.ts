const minuteMs = 60_000;

/** A time as a `datetime-local` input has it: of this browser's place, to the minute. */
export function localTime(atMs: number | null): string {
  if (atMs === null) return '';
  const there = atMs - new Date(atMs).getTimezoneOffset() * minuteMs;
  return new Date(there).toISOString().slice(0, 16);
}

/** What was typed; the time before where it is still what was shown, since the input drops seconds. */
export function timeOf(text: string, before: number | null): number | null {
  if (text === '') return null;
  return text === localTime(before) ? before : new Date(text).getTime();
}
