/** The admin interface: an HTTP server of its own, on the address of `bootstrap.admin`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { isPipe } from '../net/pipe.ts';
import { boundPipe } from '../net/prepared-socket.ts';
import { addressText } from '../net/transport.ts';
import { endpoints } from './endpoints.ts';
import { type AdminContext, handle } from './handlers.ts';
import { type AdminReply, text } from './reply.ts';

/** A form that is larger is refused. */
const bodyLimit = 64 << 10;
const mutating = new Set(endpoints.filter(({ mutates }) => mutates).map(({ path }) => path));

/** Of a socket, or the path of a pipe. */
export interface AdminAddress {
  host: string;
  port: number;
  /** Of a pipe's file; 0: as the system makes it. */
  mode?: number;
  /** Clients of IPv4 come to it, too, though it is one of IPv6. */
  ipv4Compat?: boolean;
}

/** Serves the admin interface. */
export class AdminServer {
  readonly #context: AdminContext;
  readonly #server: Server;

  constructor(context: AdminContext) {
    this.#context = context;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Starts listening; gives the address as bound. Rejects with the system's error when it is taken. */
  async listen({ host, port, mode = 0, ipv4Compat = false }: AdminAddress): Promise<string> {
    const where = isPipe(host)
      ? { fd: boundPipe(host, mode, { before: [], after: [] }) }
      : { host, port, ipv6Only: isIPv6(host) && !ipv4Compat };
    this.#server.listen(where);
    await once(this.#server, 'listening');
    this.#server.on('error', error => this.#context.log.error('admin', error.message));
    const bound = this.#server.address() as AddressInfo | null;
    return addressText(host, bound?.port ?? port);
  }

  /** Stops at once: whoever still waits for an answer loses it. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = await this.#answer(request);
    response.sendDate = false;
    response.removeHeader('connection');
    response.writeHead(reply.status, headOf(reply));
    response.end(reply.body);
  }

  async #answer(request: IncomingMessage): Promise<AdminReply> {
    const method = request.method ?? 'GET';
    const target = request.url ?? '/';
    const question = target.indexOf('?');
    const path = question < 0 ? target : target.slice(0, question);
    if (mutating.has(path) && method !== 'POST') {
      this.#context.log.error('admin', `admin path "${path}" mutates state, method=${method} rather than POST`);
      return text(`Method ${method} not allowed, POST required.`, 405);
    }
    const form = await readForm(request);
    if (form === undefined) return text('Payload Too Large', 413);
    const query = new URLSearchParams([
      ...new URLSearchParams(question < 0 ? '' : target.slice(question + 1)),
      ...form,
    ]);
    // Whoever only asks whether it is ready does not wait.
    if (path !== '/ready') await this.#context.collect?.();
    return this.#handle(method, path, query);
  }

  /** A bad pattern or the like is the caller's mistake, not a reason to go down. */
  async #handle(method: string, path: string, query: URLSearchParams): Promise<AdminReply> {
    try {
      return await handle(this.#context, { method, path, query });
    } catch (error) {
      this.#context.log.error('admin', `${path}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
      return text(`${error instanceof Error ? error.message : error}\n`, 400);
    }
  }
}

const nosniff = ['x-content-type-options', 'nosniff'];

/** Names and values in Envoy's order. */
function headOf({ contentType, nosniffTwice }: AdminReply): string[] {
  return [
    ...(nosniffTwice ? nosniff : []),
    ...['content-type', contentType, 'cache-control', 'no-cache, max-age=0', ...nosniff],
    ...['date', new Date().toUTCString(), 'server', 'envoy', 'transfer-encoding', 'chunked'],
  ];
}

/** The parameters of a form sent as a body; undefined where it is too large. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > bodyLimit) return undefined;
    chunks.push(chunk as Buffer);
  }
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  return new URLSearchParams(isForm ? Buffer.concat(chunks).toString('utf8') : '');
}
