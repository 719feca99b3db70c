/** What connections of HTTP/2 are given, and what they tell of. */
import type { HeadLimits } from '../http/codec.ts';
import type { Http2Options } from './options.ts';
import type { Http2Stats } from './stats.ts';

export interface Http2Context {
  options: Http2Options;
  limits: HeadLimits;
  stats: Http2Stats;
  /** Bytes that may wait on a stream before whoever sends is told to stop. */
  highMark: number;
  /** Milliseconds that a peer has to close a connection that we ended. */
  lingerMs: number;
}

/** `overLimit`: there were more fields than may be. */
export interface ReceivedBlock {
  overLimit: boolean;
  /** Of the frames that it came in. */
  frameBytes: number;
}
