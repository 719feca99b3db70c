import type { Priority } from '../cluster/cluster.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** How long requests may take, and when they are tried again. */
export interface Patience {
  /** For all tries together; 0: for ever. */
  readonly timeoutMs: number;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly priority: Priority;
  /** A try that takes too long goes on, beside the next one. */
  readonly hedges?: boolean | undefined;
  /** The host is told of it by `grpc-timeout`, too. */
  readonly tellsGrpc?: boolean | undefined;
}
