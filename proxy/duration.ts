/** Durations of the configuration in milliseconds. */
import type { Duration } from '@bufbuild/protobuf/wkt';

/** Milliseconds, or the fallback where the field is not set. */
export function milliseconds(duration: Duration | undefined, fallback: number): number {
  return duration === undefined ? fallback : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
