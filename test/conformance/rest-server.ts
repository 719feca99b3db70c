/**
 * A control plane that is asked by plain HTTP: it writes down what it is asked, and lets each request wait until there is something new to say, so
 * that scenarios see the same however often a proxy asks.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Kind } from './xds-server.ts';

interface Request {
  version_info?: string;
  node?: { id?: string };
  resource_names?: string[];
  type_url?: string;
}

interface Held {
  version: string;
  resources: readonly object[];
}

/** Instead of resources. */
export interface Reply {
  status: number;
  body?: string;
}

interface Waiting {
  kind: Kind;
  names: readonly string[];
  response: ServerResponse;
}

const kindOfPath: Record<string, Kind> = {
  '/v3/discovery:clusters': 'CDS',
  '/v3/discovery:endpoints': 'EDS',
  '/v3/discovery:listeners': 'LDS',
  '/v3/discovery:routes': 'RDS',
  '/v3/discovery:secrets': 'SDS',
  '/v3/discovery:runtime': 'RTDS',
};

const nameOf = (resource: object): string => {
  const { name, cluster_name: clusterName } = resource as { name?: string; cluster_name?: string };
  return name ?? clusterName ?? '';
};

export class RestServer {
  /** One line for each request, in the order of their coming. */
  readonly record: string[] = [];
  /** The last request of each kind, as it came. */
  readonly last = new Map<Kind, { head: readonly string[]; body: string }>();
  readonly #held = new Map<Kind, Held>();
  /** Which version was told last, by kind and names. */
  readonly #told = new Map<string, Held>();
  readonly #waiting = new Set<Waiting>();
  readonly #server = createServer((request, response) => void this.#onRequest(request, response));

  async listen(port: number): Promise<void> {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
  }

  /** The connections are cut, and nobody answers any more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Puts resources of a kind there, in place of those before, and tells who waits. */
  publish(kind: Kind, version: string, resources: readonly object[]): void {
    this.#held.set(kind, { version, resources });
    for (const waiting of [...this.#waiting]) if (waiting.kind === kind) this.#tell(waiting);
  }

  /** Answers who waits for this kind, once. */
  reply(kind: Kind, { status, body = '' }: Reply): void {
    for (const waiting of [...this.#waiting]) {
      if (waiting.kind !== kind) continue;
      this.#waiting.delete(waiting);
      waiting.response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    }
  }

  /** Cuts the connections of who waits for this kind. */
  cut(kind: Kind): void {
    for (const { kind: other, response } of this.#waiting) if (other === kind) response.socket?.destroy();
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const kind = kindOfPath[request.url ?? ''];
    const body = await text(request).catch(() => '');
    if (kind === undefined) {
      this.record.push(`${request.method} ${request.url}`);
      response.writeHead(404).end();
      return;
    }
    this.last.set(kind, { head: request.rawHeaders, body });
    const asked = JSON.parse(body) as Request;
    const names = (asked.resource_names ?? []).toSorted();
    const type = asked.type_url?.slice(asked.type_url.lastIndexOf('.') + 1) ?? 'no type';
    const [version, node] = [asked.version_info ?? '', asked.node?.id ?? ''];
    this.record.push(`${request.method} ${request.url} ${type} [${names}], version '${version}', node ${node}`);
    const waiting = { kind, names, response };
    this.#waiting.add(waiting);
    response.on('close', () => this.#waiting.delete(waiting));
    this.#tell(waiting);
  }

  /** What it has not been told yet, if there is any. */
  #tell(waiting: Waiting): void {
    const { kind, names, response } = waiting;
    const held = this.#held.get(kind);
    const key = `${kind} ${names}`;
    if (held === undefined || this.#told.get(key) === held) return;
    this.#told.set(key, held);
    this.#waiting.delete(waiting);
    const wanted = held.resources.filter(resource => names.length === 0 || names.includes(nameOf(resource)));
    const answer = JSON.stringify({ version_info: held.version, resources: wanted });
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  }
}
