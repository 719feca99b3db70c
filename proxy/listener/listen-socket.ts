/** An address that connections come to, and who takes them: a listener, or the one that comes in its place. */
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { comesBy, isPipe } from '../net/pipe.ts';
import {
  boundPipe,
  boundSocket,
  closeSocket,
  SocketOptionError,
  samePipe,
  setSocketOptions,
} from '../net/prepared-socket.ts';
import { descriptorOf } from '../net/system-calls.ts';
import { formatAddress } from '../net/transport.ts';
import { AcceptBurst } from './accept-burst.ts';
import { type ListenAddress, listenText } from './listen-address.ts';

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
  /** `ip:port` as bound, once it listens; or a pipe's path. */
  address: string;
  /** By which other workers listen there, too, once it does: the port as bound; a pipe's descriptor, once it is bound. */
  place: number;
  readonly bind: ListenAddress;
  readonly #isPipe: boolean;
  /** A pipe's, bound and not listening yet. */
  #bound: number | undefined;
  readonly #servers: readonly Server[];
  /** Whether other workers listen there, too. */
  readonly #isShared: boolean;
  // Who was to take them may have gone while it was being opened.
  readonly #burst = new AcceptBurst<Socket>(socket =>
    this.#taker === undefined ? this.#refuse(socket) : this.#taker.accept(socket),
  );
  #taker: ConnectionTaker | undefined;
  #listening: Promise<void> | undefined;
  #closed = false;
  readonly #onAcceptFailed: (error: Error) => void;

  /** @param onAcceptFailed hears of a connection that the system did not hand over: no descriptor was left for it, say */
  constructor(bind: ListenAddress, isShared: boolean, onAcceptFailed: (error: Error) => void) {
    this.bind = bind;
    this.#isPipe = isPipe(bind.host);
    this.#isShared = isShared;
    this.#onAcceptFailed = onAcceptFailed;
    this.address = listenText(bind);
    this.place = this.#isPipe ? -1 : bind.port;
    this.#servers = Array.from({ length: this.#isPipe ? 1 : socketsForOne }, () =>
      createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, socket => this.#take(socket)),
    );
  }

  #take(socket: Socket): void {
    if (this.#isPipe) comesBy(socket, this.bind.host);
    this.#burst.add(socket);
  }

  #refuse(socket: Socket): void {
    if (this.#isPipe) socket.destroy();
    else socket.resetAndDestroy();
  }

  /**
   * @param backlog of connections that nobody has accepted yet
   * @param place where another worker listens
   * @throws BindError
   */
  async listen(backlog: number, place = this.place): Promise<void> {
    if (!this.bind.listens) return;
    this.#listening ??= this.#openAll(backlog, place);
    await this.#listening;
    if (this.#closed) this.close();
  }

  /**
   * Finds out whether it could listen, and where, and lets go: as with Envoy, whose socket is bound then, who comes is refused and others may listen there.
   * A pipe stays bound.
   * @throws BindError
   */
  async probe(): Promise<void> {
    if (!this.bind.listens) return;
    try {
      if (this.#isPipe) this.#bindPipe();
      else await this.#try(this.place, this.#isShared);
    } catch (error) {
      throw this.#failure(error as Error);
    }
  }

  #bindPipe(): void {
    const { host, mode = 0, options } = this.bind;
    this.#bound = boundPipe(host, mode, { before: options?.beforeBind ?? [], after: options?.bound ?? [] });
    this.place = this.#bound;
  }

  async #openAll(backlog: number, place: number): Promise<void> {
    try {
      if (this.#isPipe) await this.#openPipe(backlog, place);
      else await this.#openPort(backlog, place);
      for (const server of this.#servers) server.on('error', this.#onAcceptFailed);
    } catch (error) {
      for (const server of this.#servers) server.close();
      throw this.#failure(error as Error);
    }
  }

  async #openPipe(backlog: number, place: number): Promise<void> {
    if (this.#bound === undefined && place === -1) this.#bindPipe();
    const descriptor = this.#bound ?? samePipe(this.bind.host, place);
    this.#bound = undefined;
    const [server] = this.#servers;
    server!.listen({ fd: descriptor, backlog, exclusive: true });
    await once(server!, 'listening');
    if (this.bind.options !== undefined) setSocketOptions(descriptor, this.bind.options.listening);
  }

  async #openPort(backlog: number, port: number): Promise<void> {
    const several = this.#servers.length > 1;
    this.place = port;
    // Another process that would share its port with us, a second proxy say, is to be told of, and not to lose half of its connections.
    if (several && !this.#isShared && port !== 0) await this.#try(port, false);
    for (const server of this.#servers) await this.#open(server, backlog, several || this.#isShared);
  }

  async #try(port: number, reusePort: boolean): Promise<void> {
    const server = createServer(socket => socket.resetAndDestroy());
    this.place = port;
    await this.#open(server, 1, reusePort);
    server.close();
    await once(server, 'close');
  }

  async #open(server: Server, backlog: number, reusePort: boolean): Promise<void> {
    const { host, options, ipv4Compat = false } = this.bind;
    const { place: port } = this;
    const ipv6Only = isIPv6(host) && !ipv4Compat;
    const stated = options && { before: options.beforeBind, after: options.bound, reusePort, ipv6Only };
    const where = stated === undefined ? { host, port, reusePort, ipv6Only } : { fd: boundSocket(host, port, stated) };
    server.listen({ ...where, backlog, exclusive: true });
    await once(server, 'listening');
    if (options !== undefined) setSocketOptions(descriptorOf(server)!, options.listening);
    const bound = server.address();
    if (bound === null || typeof bound !== 'object') return;
    this.address = formatAddress(bound.address, bound.port);
    this.place = bound.port;
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
    if (this.#bound !== undefined) closeSocket(this.#bound);
    this.#bound = undefined;
    for (const server of this.#servers) if (server.listening) server.close();
  }
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}
