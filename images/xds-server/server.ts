/** The control plane: serves a snapshot to proxies by gRPC, in one stream for all kinds (ADS), or in one for each. */
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import type { XdsEvent } from './events.ts';
import { callAt, type Kind, type KindName } from './kinds.ts';
import type { Resource } from './resources.ts';
import { Snapshot } from './snapshot.ts';
import { XdsStream } from './stream.ts';

export class XdsServer {
  readonly #snapshot = new Snapshot();
  readonly #tell: (event: XdsEvent) => void;
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #streams = new Set<XdsStream>();

  /** @param tell hears of all that happens */
  constructor(tell: (event: XdsEvent) => void) {
    this.#tell = tell;
    this.#server.on('session', session => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      // A proxy that is cut off connects again.
      session.on('error', () => session.destroy());
    });
    this.#server.on('stream', (stream, headers) => this.#open(stream, String(headers[':path'])));
  }

  /** @returns the port. @throws Error of the system's, such as EADDRINUSE */
  async listen(port: number, host: string): Promise<number> {
    await once(this.#server.listen(port, host), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connections are cut. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  /** Puts resources in place of those before, and tells all who asked for them what changed: all kinds in their order, however they are given. */
  publish(news: ReadonlyMap<Kind, readonly Resource[]>): void {
    const changed = new Set<KindName>();
    for (const [kind, resources] of news) {
      const held = this.#snapshot.replace(kind, resources);
      if (held === undefined) continue;
      changed.add(kind.name);
      this.#tell({ type: 'changed', kind, version: held.version, names: [...held.resources.keys()] });
    }
    if (changed.size > 0) for (const stream of this.#streams) stream.changed(changed);
  }

  /** The version of a kind that is held; 0: none yet. */
  version(kind: Kind): number {
    return this.#snapshot.of(kind).version;
  }

  #open(stream: ServerHttp2Stream, path: string): void {
    stream.on('error', () => stream.destroy());
    const call = callAt(path);
    if (call === undefined) {
      const status = { 'grpc-status': String(grpcStatus.UNIMPLEMENTED), 'grpc-message': 'no such method' };
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
      return;
    }
    const one = new XdsStream(stream, call, this.#snapshot, this.#tell);
    this.#streams.add(one);
    stream.on('close', () => this.#streams.delete(one));
  }
}
