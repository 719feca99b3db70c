import type { Counter, Gauge } from './stats.ts';
import type { StatsScope } from './store.ts';

/** A connection, as far as its bytes are counted. */
export interface ByteStream {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly unsent: number;
}

/** The bytes of all connections of a kind. They are counted when somebody looks at the stats and when a connection closes, so that carrying them costs nothing. */
export class TrafficStats {
  readonly received: Counter;
  readonly sent: Counter;
  readonly unsent: Gauge;
  readonly #open: Set<{ count(): void }>;

  /** @param prefix before `rx_bytes_total`, `tx_bytes_total` and `tx_bytes_buffered` */
  constructor(scope: StatsScope, prefix: 'downstream_cx_' | 'upstream_cx_') {
    this.received = scope.counter(`${prefix}rx_bytes_total`);
    this.sent = scope.counter(`${prefix}tx_bytes_total`);
    this.unsent = scope.gauge(`${prefix}tx_bytes_buffered`);
    this.#open = scope.store.traffic;
  }

  /** Counts a connection's bytes from now on, until `close`. */
  open(stream: ByteStream): Traffic {
    const traffic = new Traffic(this, stream);
    this.#open.add(traffic);
    return traffic;
  }

  close(traffic: Traffic): void {
    this.#open.delete(traffic);
  }
}

/** The bytes of one connection. */
export class Traffic {
  readonly #stats: TrafficStats;
  readonly #stream: ByteStream;
  #received = 0;
  #sent = 0;
  #unsent = 0;

  constructor(stats: TrafficStats, stream: ByteStream) {
    this.#stats = stats;
    this.#stream = stream;
  }

  /** Adds what came since it was called before. */
  count(): void {
    this.#countTotals();
    this.#setUnsent(this.#stream.unsent);
  }

  /** The connection is closed: what it had not sent waits no longer. */
  close(): void {
    this.#countTotals();
    this.#setUnsent(0);
    this.#stats.close(this);
  }

  #countTotals(): void {
    const { bytesRead, bytesWritten } = this.#stream;
    if (bytesRead !== this.#received) this.#stats.received.add(bytesRead - this.#received);
    if (bytesWritten !== this.#sent) this.#stats.sent.add(bytesWritten - this.#sent);
    this.#received = bytesRead;
    this.#sent = bytesWritten;
  }

  #setUnsent(bytes: number): void {
    if (bytes !== this.#unsent) this.#stats.unsent.add(bytes - this.#unsent);
    this.#unsent = bytes;
  }
}
