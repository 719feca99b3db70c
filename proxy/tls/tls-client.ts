/**
 * TLS towards hosts of a cluster.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto#extensions-transport-sockets-tls-v3-upstreamtlscontext
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { UpstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { Certificate } from './certificate.ts';
import { chainError } from './chain-error.ts';
import { compileTlsContext, type TlsContext } from './tls-context.ts';
import { describeRefusal, describeTlsError, reasonName } from './tls-errors.ts';
import { TlsStats } from './tls-stats.ts';

/** Told once how a handshake ended. */
export interface ClientHandshakeOwner {
  onSecured(socket: TLSSocket): void;
  /** @param reason in Envoy's words; '' where the host just left */
  onFailed(reason: string): void;
}

export class TlsClient {
  readonly context: TlsContext;
  readonly #stats: TlsStats;
  readonly #serverName: string;
  readonly #keepsSessions: boolean;
  /** Of a host that was verified. */
  #session: Buffer | undefined;

  /** @throws TlsConfigurationError, UnreadableSource */
  constructor(configuration: UpstreamTlsContext, scope: StatsScope) {
    this.context = compileTlsContext(configuration.commonTlsContext, 'client');
    this.#stats = new TlsStats(scope, 'client');
    this.#serverName = configuration.sni;
    this.#keepsSessions = configuration.maxSessionKeys !== 0;
  }

  /**
   * Begins the handshake on a connection.
   * @param protocols what is offered where the configuration names no protocols
   */
  handshake(raw: Socket, protocols: readonly string[], owner: ClientHandshakeOwner): void {
    const { identities, applicationProtocols } = this.context;
    const offered = applicationProtocols.length > 0 ? applicationProtocols : protocols;
    const socket = connect({
      socket: raw,
      secureContext: identities[0]!.context,
      servername: this.#serverName,
      // The certificate is judged here.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(offered.length > 0 && { ALPNProtocols: [...offered] }),
      ...(this.#session && { session: this.#session }),
    });
    this.#follow(socket, raw, owner);
  }

  #follow(socket: TLSSocket, raw: Socket, owner: ClientHandshakeOwner): void {
    let state: 'begun' | 'verified' | 'over' = 'begun';
    let session: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => {
      if (state === 'verified') this.#keep(ticket);
      else session = ticket;
    });
    const fail = (error?: NodeJS.ErrnoException): void => {
      if (state === 'verified' && error !== undefined && reasonName(error) !== undefined)
        this.#stats.connectionError.increment();
      if (state !== 'begun') return;
      state = 'over';
      raw.destroy();
      owner.onFailed(this.#reasonOf(error));
    };
    socket.on('error', fail);
    socket.once('close', () => fail());
    socket.once('secureConnect', () => {
      if (state !== 'begun') return;
      const refused = this.#refusalOf(socket);
      state = refused === undefined ? 'verified' : 'over';
      if (refused !== undefined) {
        socket.destroy();
        owner.onFailed(refused);
        return;
      }
      if (session !== undefined) this.#keep(session);
      owner.onSecured(socket);
    });
  }

  #keep(session: Buffer): void {
    if (this.#keepsSessions) this.#session = session;
  }

  /** The reason; undefined where the host may be spoken to. */
  #refusalOf(socket: TLSSocket): string | undefined {
    const reused = socket.isSessionReused();
    const shown = socket.getPeerX509Certificate();
    // A session is only kept of a host that was verified, and brings no certificate.
    const refusal = reused ? undefined : this.#judge(socket, shown);
    if (refusal !== undefined) return describeRefusal(refusal);
    this.#stats.countHandshake(socket.getProtocol() ?? '', socket.getCipher().name, reused, true);
    return undefined;
  }

  #judge(socket: TLSSocket, shown: X509Certificate | undefined): string | undefined {
    const { verification } = this.context;
    if (shown !== undefined) return verification.judge(new Certificate(shown), chainError(socket), this.#stats);
    return verification.asks ? 'no certificate' : undefined;
  }

  #reasonOf(error: NodeJS.ErrnoException | undefined): string {
    this.#stats.connectionError.increment();
    const name = error && reasonName(error);
    return name === undefined ? '' : describeTlsError(name);
  }
}
