/** What of a request is kept for further tries: its body and trailers as far as they came. */
import type { RequestSender } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';

export class KeptRequest {
  /** The request is whole. */
  end: boolean;
  readonly #limit: number;
  #body: Buffer[] = [];
  #bytes = 0;
  #trailers: HeaderMap | undefined;

  /** @param limit of the body, in bytes */
  constructor(limit: number, end: boolean) {
    this.#limit = limit;
    this.end = end;
  }

  /** False where it has become too long: nothing is kept any more. */
  keep(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    const fits = this.#bytes <= this.#limit;
    if (fits) this.#body.push(Buffer.from(chunk));
    else this.drop();
    return fits;
  }

  keepTrailers(trailers: HeaderMap): void {
    this.end = true;
    this.#trailers = trailers;
  }

  drop(): void {
    this.#body = [];
  }

  /** Nothing follows the head. */
  get endsWithHead(): boolean {
    return this.end && this.#body.length === 0 && this.#trailers === undefined;
  }

  /** Sends what follows the head again. @param sender the try, asked for each time; undefined where that is over */
  replay(sender: () => RequestSender | undefined): void {
    const [body, trailers] = [this.#body, this.#trailers];
    for (let i = 0; i < body.length; i++)
      sender()?.sendData(body[i]!, this.end && trailers === undefined && i === body.length - 1);
    if (trailers !== undefined) sender()?.sendTrailers(trailers);
  }
}
