/**
 * TLS towards hosts of a cluster.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto#extensions-transport-sockets-tls-v3-upstreamtlscontext
 */
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { UpstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { Certificate } from './certificate.ts';
import { chainError } from './chain-error.ts';
import type { SecretManager } from './secret-manager.ts';
import type { TlsContext } from './tls-context.ts';
import { TlsContextSource } from './tls-context-source.ts';
import { describeRefusal, describeTlsError, reasonName, secretMissing } from './tls-errors.ts';
import type { TlsFacts } from './tls-facts.ts';
import { TlsStats } from './tls-stats.ts';

/** Told once how a handshake ended. */
export interface ClientHandshakeOwner {
  onSecured(socket: TLSSocket, facts: TlsFacts): void;
  /** @param reason in Envoy's words; '' where the host just left */
  onFailed(reason: string): void;
}

interface Session {
  context: TlsContext;
  ticket: Buffer;
  peer: Certificate | undefined;
}

/** A handshake under way. */
interface Begun {
  socket: TLSSocket;
  raw: Socket;
  context: TlsContext;
  /** What it would go on with. */
  before: Session | undefined;
}

export class TlsClient {
  readonly source: TlsContextSource;
  readonly #stats: TlsStats;
  readonly #serverName: string;
  readonly #keepsSessions: boolean;
  /** Of a host that was verified, in the context in which it was. */
  #session: Session | undefined;

  /** @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there */
  constructor(configuration: UpstreamTlsContext, scope: StatsScope, secrets: SecretManager) {
    this.source = new TlsContextSource(configuration.commonTlsContext, 'client', secrets, scope);
    this.#stats = new TlsStats(scope);
    this.#serverName = configuration.sni;
    this.#keepsSessions = configuration.maxSessionKeys !== 0;
  }

  /**
   * Begins the handshake on a connection.
   * @param protocols what is offered where the configuration names no protocols
   */
  handshake(raw: Socket, protocols: readonly string[], owner: ClientHandshakeOwner): void {
    const context = this.source.forConnection();
    if (context === undefined) {
      raw.destroy();
      owner.onFailed(secretMissing);
      return;
    }
    const { identities, applicationProtocols } = context;
    const before = this.#session?.context === context ? this.#session : undefined;
    const offered = applicationProtocols.length > 0 ? applicationProtocols : protocols;
    const socket = connect({
      socket: raw,
      secureContext: identities[0]!.context,
      servername: this.#serverName,
      // The certificate is judged here.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(offered.length > 0 && { ALPNProtocols: [...offered] }),
      ...(before && { session: before.ticket }),
    });
    this.#follow({ socket, raw, context, before }, owner);
  }

  #follow({ socket, raw, context, before }: Begun, owner: ClientHandshakeOwner): void {
    let state: 'begun' | 'verified' | 'over' = 'begun';
    let session: Buffer | undefined;
    let peer: Certificate | undefined;
    socket.on('session', (ticket: Buffer) => {
      if (state === 'verified') this.#keep({ context, ticket, peer });
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
      // To be asked for once: it is taken out of the chain.
      const shown = socket.getPeerX509Certificate();
      // A session goes on with whom it was begun with, who shows nothing again.
      peer = socket.isSessionReused() ? before?.peer : shown && new Certificate(shown);
      const refused = this.#refusalOf(socket, context, peer);
      state = refused === undefined ? 'verified' : 'over';
      if (refused !== undefined) {
        socket.destroy();
        owner.onFailed(refused);
        return;
      }
      if (session !== undefined) this.#keep({ context, ticket: session, peer });
      owner.onSecured(socket, factsOf(socket, context, peer));
    });
  }

  #keep(session: Session): void {
    if (this.#keepsSessions) this.#session = session;
  }

  /** The reason; undefined where the host may be spoken to. */
  #refusalOf(socket: TLSSocket, context: TlsContext, peer: Certificate | undefined): string | undefined {
    const reused = socket.isSessionReused();
    // A session is only kept of a host that was verified, and brings no certificate.
    const refusal = reused ? undefined : this.#judge(socket, context, peer);
    if (refusal !== undefined) return describeRefusal(refusal);
    this.#stats.countHandshake(socket.getProtocol() ?? '', socket.getCipher().name, reused, true);
    return undefined;
  }

  #judge(socket: TLSSocket, { verification }: TlsContext, peer: Certificate | undefined): string | undefined {
    if (peer !== undefined) return verification.judge(peer, chainError(socket), this.#stats);
    return verification.asks ? 'no certificate' : undefined;
  }

  #reasonOf(error: NodeJS.ErrnoException | undefined): string {
    const name = error && reasonName(error);
    // A host that just leaves makes no error.
    if (name === undefined) return '';
    this.#stats.connectionError.increment();
    return describeTlsError(name);
  }
}

function factsOf(socket: TLSSocket, { identities }: TlsContext, peer: Certificate | undefined): TlsFacts {
  const [version, cipher] = [socket.getProtocol() ?? '', socket.getCipher().name];
  return { version, cipher, peer, local: identities[0]!.certificate };
}
