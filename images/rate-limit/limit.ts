/** What may pass in a time. */

/** Units of time by their names, with their number in the protocol and their seconds, as the reference service counts them. */
export const units = {
  second: { number: 1, seconds: 1 },
  minute: { number: 2, seconds: 60 },
  hour: { number: 3, seconds: 3600 },
  day: { number: 4, seconds: 86_400 },
  month: { number: 5, seconds: 2_592_000 },
  year: { number: 6, seconds: 31_536_000 },
} as const;

export type Unit = keyof typeof units;

export const isUnit = (text: string): text is Unit => Object.hasOwn(units, text);

export interface Limit {
  unit: Unit;
  requestsPerUnit: number;
  /** Callers are told it; may be empty. */
  name: string;
}

/** What tells requests apart: keys with values, in order. */
export interface Entry {
  key: string;
  value: string;
}
