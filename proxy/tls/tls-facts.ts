/** What a handshake told. */
import type { Certificate } from './certificate.ts';

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly version: string;
  readonly cipher: string;
  /** What the peer showed. */
  readonly peer: Certificate | undefined;
  /** What was shown to the peer. */
  readonly local: Certificate | undefined;
}
