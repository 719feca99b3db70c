/** Header values with substitutions such as `%REQ(X-A)%`. */
import { compileFormat, type Formatter } from '../access-log/format.ts';

export type { Formatter };

/** A text without substitutions, the usual one, costs nothing. */
export function makeFormatter(text: string): Formatter {
  return text.includes('%') ? compileFormat(text, true) : () => text;
}
