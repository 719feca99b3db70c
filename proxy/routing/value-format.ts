/** Header values with substitutions such as `%REQ(X-A)%`. */
import type { StreamInfo } from '../stream-info.ts';

export type Formatter = (info: StreamInfo) => string;

export function makeFormatter(text: string): Formatter {
  return () => text;
}
