/** Both ends of a connection that goes through the proxy: a step writes the client's bytes and the host's, and sees what comes out of each. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { normalizeText, type Place, type Step } from './scenario.ts';

/** How long something may take to come, in milliseconds. */
const patience = 3000;

/** One end: its bytes are written and read as they are. */
export class End {
  readonly socket: Socket;
  #received = '';
  /** Whether the other end still sends; how it ended depends on who read how much. */
  #state: 'open' | 'over' = 'open';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', chunk => {
      this.#received += chunk.toString('latin1');
    });
    const over = () => {
      this.#state = 'over';
    };
    socket.on('end', over).on('error', over);
  }

  get received(): string {
    return this.#received;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until it got this text, anywhere. */
  async until(mark: string): Promise<void> {
    await this.#while(() => !this.#received.includes(mark) && this.#state === 'open');
  }

  /** Waits until so much came, heads included. */
  async untilLength(length: number): Promise<void> {
    await this.#while(() => this.#received.length < length && this.#state === 'open');
  }

  /** Sends nothing more. */
  finish(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until the other end has gone or sends nothing more. */
  async over(): Promise<void> {
    await this.#while(() => this.#state === 'open');
  }

  async #while(condition: () => boolean): Promise<void> {
    const end = Date.now() + patience;
    while (condition() && Date.now() < end) await wait(5);
  }

  get seen(): { text: string[]; state: string } {
    return { text: normalizeText(this.#received).split('\r\n').map(withoutTimes), state: this.#state };
  }
}

function withoutTimes(line: string): string {
  return line.replace(/^date: .*/i, 'date: <date>').replace(/^(x-envoy-upstream-service-time: )\d+/, '$1<ms>');
}

export interface Tunnel {
  client: End;
  /** The host's end of the first connection that the proxy makes, once it is there and what was sent first has come. */
  host: () => Promise<End>;
  /** How many connections the proxy made. */
  connections: () => number;
  place: Place;
}

/**
 * A step: a client that sends `opening`, and a host on the port `nobody`, act as `script` says.
 * Seen are the bytes that came to both and how their connections ended, besides what the script returns.
 */
export function tunnel(name: string, opening: string, script: (tunnel: Tunnel) => Promise<unknown>): Step {
  return {
    name,
    see: async place => {
      const sockets: Socket[] = [];
      const ends: End[] = [];
      const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
        sockets.push(socket);
        ends.push(new End(socket));
      });
      await once(server.listen(place.ports.nobody, '127.0.0.1'), 'listening');
      const socket = connect({ port: place.ports.listener, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      sockets.push(socket);
      const client = new End(socket);
      const host = async (): Promise<End> => {
        const end = Date.now() + patience;
        while (ends.length === 0 && Date.now() < end) await wait(5);
        if (ends[0] === undefined) throw new Error(`the proxy made no connection: ${client.received}`);
        return ends[0];
      };
      try {
        client.send(opening);
        const told = await script({ client, host, connections: () => ends.length, place });
        return { told, client: client.seen, host: ends.map(end => end.seen) };
      } finally {
        client.socket.destroy();
        // What the proxy saw first decides what it logs: the host goes once it heard that the client has gone.
        await Promise.all(ends.map(end => Promise.race([end.over(), wait(300)])));
        for (const one of sockets) one.destroy();
        await once(server.close(), 'close');
      }
    },
  };
}
