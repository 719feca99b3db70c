/** Seconds and minutes as people say them: `40 s`, `3 min`, `2 h 5 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A short time to the precision that matters: `0.4 ms`, `12 ms`, `1.02 s`. */
export function span(milliseconds: number): string {
  if (milliseconds < 10) return `${Number(milliseconds.toFixed(1))} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** How long ago, for people; the exact time belongs on hover. */
export function ago(atMs: number, nowMs: number): string {
  return nowMs - atMs < 5000 ? 'now' : `${duration(nowMs - atMs)} ago`;
}

export const exactly = (atMs: number): string => new Date(atMs).toLocaleString();
/** A day and a time of it: `Fri, 27 Nov 2026, 10:00`, as the browser's language has it. */
export const fullTime = (atMs: number): string =>
  new Date(atMs).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
export const clockTime = (atMs: number): string => new Date(atMs).toLocaleTimeString([], { hour12: false });
