/** Whether the service calls itself well: it does, until it is told otherwise. */
import { type Exchange, send, statusOf } from './exchange.ts';

export class Health {
  #status = 200;

  /** Answers a health check. */
  answer(exchange: Exchange): void {
    const text = this.#status < 400 ? 'ok\n' : 'not well\n';
    send(exchange, text, this.#status, { 'content-type': 'text/plain; charset=utf-8' });
  }

  /** From now on health checks are answered with the status that the query names. */
  set(exchange: Exchange): void {
    const status = statusOf(exchange.url.searchParams.get('status') ?? '200');
    this.#status = status;
    send(exchange, `/healthz answers ${status} from now on\n`, 200, { 'content-type': 'text/plain; charset=utf-8' });
  }
}
