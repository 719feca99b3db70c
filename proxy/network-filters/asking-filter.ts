/** A filter that asks a service by gRPC about its connection, which waits meanwhile. */
import type { GrpcClient } from '../grpc/grpc-client.ts';
import { type GrpcEnd, grpcStatus } from '../grpc/status.ts';
import type { Gauge } from '../stats/stats.ts';
import { NetworkFilter, type Verdict } from './network-filter.ts';

/** What is asked, and of whom. */
export interface Question<Answer> {
  client: GrpcClient;
  /** The path of the method. */
  method: string;
  message: Uint8Array;
  timeoutMs: number;
  /** How many are under way. */
  active: Gauge;
  /** @throws Error for what is no message */
  decode: (bytes: Buffer) => Answer;
}

export abstract class AskingFilter extends NetworkFilter {
  #asking = false;
  #giveUp: () => void = () => {};

  /** @param take says what follows of an answer; undefined where the service gave none */
  protected ask<Answer>(question: Question<Answer>, take: (answer: Answer | undefined) => Verdict): Verdict {
    const { client, method, message, timeoutMs, active, decode } = question;
    this.#asking = true;
    active.increment();
    let verdict: Verdict = 'wait';
    let waits = false;
    const cancel = client.call(method, message, timeoutMs, (end, bytes) => {
      this.#asking = false;
      active.decrement();
      verdict = take(answerOf(end, bytes, decode));
      if (waits && verdict === 'continue') this.client.continue();
    });
    this.#giveUp = () => {
      active.decrement();
      cancel();
    };
    waits = true;
    return verdict;
  }

  override onClose(): void {
    if (this.#asking) this.#giveUp();
  }
}

function answerOf<Answer>(
  { status }: GrpcEnd,
  bytes: Buffer | undefined,
  decode: (bytes: Buffer) => Answer,
): Answer | undefined {
  if (status !== grpcStatus.OK || bytes === undefined) return undefined;
  try {
    return decode(bytes);
  } catch {
    // What is no message is no answer: the configuration says what becomes of the connection.
    return undefined;
  }
}
