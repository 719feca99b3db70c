/** An address that connections come to, and who takes them: a listener, or the one that comes in its place. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { boundSocket, SocketOptionError, setSocketOptions } from '../net/prepared-socket.ts';
import type { StatedOptions } from '../net/stated-options.ts';
import { descriptorOf } from '../net/system-calls.ts';
import { formatAddress } from '../net/transport.ts';
import { AcceptBurst } from './accept-burst.ts';

export interface ListenAddress {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Whether it is opened: else connections come only from other listeners. */
  listens: boolean;
  /** What the system is told of its socket; undefined: nothing. */
  options?: StatedOptions | undefined;
}

/** Takes connections, paused. */
export interface ConnectionTaker {
  accept(socket: Socket): void;
}

/** The system would not let it listen: the message is Envoy's. */
export class BindError extends Error {
  readonly code = 'CANNOT_BIND';
}

/**
 * Sockets that listen at one address. libuv accepts one connection from a socket in a turn of the event loop, and a turn that serves hundreds of others
 * is long: with one socket the last of 512 clients that came at once waited until the others had had thousands of answers. Envoy, whose default
 * is enable_reuse_port too, accepts all that wait.
 */
const socketsForOne = process.platform === 'linux' ? 8 : 1;

export class ListenSocket {
  /** `ip:port` as bound, once it listens. */
  address: string;
  /** As bound, once it listens. */
  port: number;
  readonly #bind: ListenAddress;
  readonly #servers: readonly Server[];
  /** Whether other workers listen there, too. */
  readonly #isShared: boolean;
  // Who was to take them may have gone while it was being opened.
  readonly #burst = new AcceptBurst<Socket>(socket =>
    this.#taker === undefined ? socket.resetAndDestroy() : this.#taker.accept(socket),
  );
  #taker: ConnectionTaker | undefined;
  #listening: Promise<void> | undefined;
  #closed = false;
  readonly #onAcceptFailed: (error: Error) => void;

  /** @param onAcceptFailed hears of a connection that the system did not hand over: no descriptor was left for it, say */
  constructor(bind: ListenAddress, isShared: boolean, onAcceptFailed: (error: Error) => void) {
    this.#bind = bind;
    this.#isShared = isShared;
    this.#onAcceptFailed = onAcceptFailed;
    this.address = formatAddress(bind.host, bind.port);
    this.port = bind.port;
    this.#servers = Array.from({ length: socketsForOne }, () =>
      createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, socket => this.#burst.add(socket)),
    );
  }

  /**
   * @param backlog of connections that nobody has accepted yet
   * @param port that another worker listens on
   * @throws BindError
   */
  async listen(backlog: number, port = this.port): Promise<void> {
    if (!this.#bind.listens) return;
    this.#listening ??= this.#openAll(backlog, port);
    await this.#listening;
    if (this.#closed) this.close();
  }

  /**
   * Finds out whether it could listen, and where, and lets go: as with Envoy, whose socket is bound then, who comes is refused and others may listen there.
   * @throws BindError
   */
  async probe(): Promise<void> {
    if (!this.#bind.listens) return;
    try {
      await this.#try(this.port, this.#isShared);
    } catch (error) {
      throw this.#failure(error as Error);
    }
  }

  async #openAll(backlog: number, port: number): Promise<void> {
    const several = this.#servers.length > 1;
    this.port = port;
    try {
      // Another process that would share its port with us, a second proxy say, is to be told of, and not to lose half of its connections.
      if (several && !this.#isShared && port !== 0) await this.#try(port, false);
      for (const server of this.#servers) {
        await this.#open(server, backlog, several || this.#isShared);
        server.on('error', this.#onAcceptFailed);
      }
    } catch (error) {
      for (const server of this.#servers) server.close();
      throw this.#failure(error as Error);
    }
  }

  async #try(port: number, reusePort: boolean): Promise<void> {
    const server = createServer(socket => socket.resetAndDestroy());
    this.port = port;
    await this.#open(server, 1, reusePort);
    server.close();
    await once(server, 'close');
  }

  async #open(server: Server, backlog: number, reusePort: boolean): Promise<void> {
    const { host, options } = this.#bind;
    const { port } = this;
    const where = options === undefined ? { host, port, reusePort } : { fd: this.#bound(options, reusePort) };
    server.listen({ ...where, backlog, exclusive: true });
    await once(server, 'listening');
    if (options !== undefined) setSocketOptions(descriptorOf(server)!, options.listening);
    const bound = server.address();
    if (bound === null || typeof bound !== 'object') return;
    this.address = formatAddress(bound.address, bound.port);
    this.port = bound.port;
  }

  #bound({ beforeBind: before, bound: after }: StatedOptions, reusePort: boolean): number {
    return boundSocket(this.#bind.host, this.port, { before, after, reusePort });
  }

  #failure(error: NodeJS.ErrnoException): BindError {
    if (error instanceof SocketOptionError)
      return new BindError(`ListenSocket: Setting socket options failed: ${error.message}`);
    return new BindError(`cannot bind '${this.address}': ${bindReason(error)}`);
  }

  /** From now on this one takes what comes: no connection is lost in between. */
  handTo(taker: ConnectionTaker): void {
    this.#taker = taker;
  }

  get isListening(): boolean {
    return this.#servers.every(server => server.listening);
  }

  close(): void {
    this.#closed = true;
    this.#burst.serveAll();
    for (const server of this.#servers) if (server.listening) server.close();
  }
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}

export const sameAddress = (one: ListenAddress, other: ListenAddress): boolean =>
  one.host === other.host && one.port === other.port;

/** What Envoy says of an address that another listener has. */
export function duplicateAddress(name: string, { host, port }: ListenAddress): string {
  const advice =
    "to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener";
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `error adding listener: '${name}' has duplicate address '${address}' as existing listener, ${advice}`;
}
