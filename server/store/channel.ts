import pg from 'pg';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { clientConfig } from './postgres.ts';

const name = 'unicorn';
const retryMs = 1000;
const checkMs = 10_000;

export interface ChannelListener {
  message(text: string): void;
  /** The connection was away: what was said meanwhile did not come. */
  missed(): void;
}

/** What servers that share a database say to each other, by LISTEN and NOTIFY on a connection of its own. Comes back by itself. */
export class Channel {
  readonly #url: string;
  readonly #log: Log;
  readonly #listener: ChannelListener;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #tries = 0;

  constructor(url: string, log: Log, listener: ChannelListener) {
    this.#url = url;
    this.#log = log;
    this.#listener = listener;
  }

  /** Begins to listen; where that fails, goes on trying. */
  async open(): Promise<void> {
    const first = this.#tries++ === 0;
    const client = new pg.Client(clientConfig(this.#url));
    client.on('error', () => {});
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => this.#client === client && this.#listener.message(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${name}`);
    } catch (error) {
      this.#log.debug('cannot listen to the database', { cause: messageOf(error) });
      this.#end(client);
      this.#later(() => void this.open(), retryMs);
      return;
    }
    if (this.#closed) return this.#end(client);
    this.#client = client;
    if (!first) this.#listener.missed();
    this.#later(() => void this.#check(client), checkMs);
  }

  /** Says it to all others and to oneself. @throws when it was not said */
  async say(text: string): Promise<void> {
    if (!this.#client) throw new Error('the database is away');
    await this.#client.query('select pg_notify($1, $2)', [name, text]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  /** A connection that is gone without a word is found out by asking. */
  async #check(client: pg.Client): Promise<void> {
    try {
      await client.query('select 1');
      if (client === this.#client) this.#later(() => void this.#check(client), checkMs);
    } catch {
      this.#end(client);
      this.#lost(client);
    }
  }

  #lost(client: pg.Client): void {
    if (client !== this.#client) return;
    this.#client = null;
    this.#log.info('the channel of the database is away');
    this.#later(() => void this.open(), retryMs);
  }

  #end(client: pg.Client): void {
    client.end().catch(() => {});
  }

  #later(work: () => void, milliseconds: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(work, milliseconds);
    this.#timer.unref();
  }
}
