/** The sockets of a listener, one for each of its addresses. */
import { isDeepStrictEqual } from 'node:util';
import { type ListenAddress, sameAddress } from './listen-address.ts';
import type { ConnectionTaker, ListenSocket } from './listen-socket.ts';

export interface Opening {
  /** Of those by the same name before it. */
  before: readonly ListenerSockets[];
  /** Where another worker listens; undefined: it is the first. */
  places: readonly number[] | undefined;
  /** @param isShared whether others listen there, too */
  open: (bind: ListenAddress, isShared: boolean) => ListenSocket;
}

/** Listeners that come one after the other by the same name share the sockets of addresses that stay. */
export class ListenerSockets {
  readonly all: readonly ListenSocket[];

  constructor(all: readonly ListenSocket[]) {
    this.all = all;
  }

  /** Takes over what stays, and opens what is new. @throws BindError */
  static async open(binds: readonly ListenAddress[], opening: Opening): Promise<ListenerSockets> {
    const { before, places, open } = opening;
    const same = before.find(sockets => sockets.#servesAll(binds));
    if (same !== undefined) return same;
    const all: ListenSocket[] = [];
    try {
      for (const [index, bind] of binds.entries()) {
        const kept = before.flatMap(sockets => sockets.#at(bind) ?? [])[0];
        // With other options it takes the place of one that goes.
        const socket =
          kept ??
          open(
            bind,
            before.some(sockets => sockets.differsInOptions([bind])),
          );
        all.push(socket);
        if (kept !== undefined) continue;
        if (places === undefined) await socket.probe();
        else socket.place = places[index]!;
      }
    } catch (error) {
      new ListenerSockets(all).close(...before);
      throw error;
    }
    return new ListenerSockets(all);
  }

  /** `ip:port` as bound, or paths. */
  get addresses(): { address: string; additionalAddresses: readonly string[] } {
    const [address = '', ...additionalAddresses] = this.all.map(one => one.address);
    return { address, additionalAddresses };
  }

  /** By which other workers listen there, too. */
  get places(): number[] {
    return this.all.map(({ place }) => place);
  }

  get isListening(): boolean {
    return this.all.every(socket => socket.isListening);
  }

  /** Whether it has these addresses and no others, in whichever order, with the same options. */
  #servesAll(binds: readonly ListenAddress[]): boolean {
    return binds.length === this.all.length && binds.every(bind => this.#at(bind) !== undefined);
  }

  /** Whether it has one of these addresses, and other options there. */
  differsInOptions(binds: readonly ListenAddress[]): boolean {
    return binds.some(bind => this.#at(bind) === undefined && this.all.some(one => sameAddress(one.bind, bind)));
  }

  /** The one of an address; undefined where there is none with these options. */
  #at(bind: ListenAddress): ListenSocket | undefined {
    return this.all.find(one => sameAddress(one.bind, bind) && isDeepStrictEqual(one.bind.options, bind.options));
  }

  handTo(taker: ConnectionTaker): void {
    for (const socket of this.all) socket.handTo(taker);
  }

  /** Those that do not listen yet begin to; nobody comes to these before somebody takes them. @throws BindError */
  async listen(backlog: number, taker: ConnectionTaker): Promise<void> {
    for (const socket of this.all) {
      if (socket.isListening) continue;
      socket.handTo(taker);
      await socket.listen(backlog);
    }
  }

  /** But for those that others have. */
  close(...others: readonly (ListenerSockets | undefined)[]): void {
    for (const socket of this.all) if (!others.some(other => other?.all.includes(socket))) socket.close();
  }
}
