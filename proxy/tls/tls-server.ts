/**
 * TLS towards clients, by Node's own sockets on OpenSSL.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto#extensions-transport-sockets-tls-v3-downstreamtlscontext
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { DownstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { StatsScope } from '../stats/store.ts';
import { Certificate } from './certificate.ts';
import { chainError } from './chain-error.ts';
import type { SecretManager } from './secret-manager.ts';
import { coversName } from './subject-alt-names.ts';
import type { Identity, TlsContext } from './tls-context.ts';
import { TlsContextSource } from './tls-context-source.ts';
import { describeRefusal, describeTlsError, reasonName, secretMissing } from './tls-errors.ts';
import type { TlsFacts } from './tls-facts.ts';
import { TlsStats } from './tls-stats.ts';

/** What the client asked for. */
export interface AskedFor {
  serverName: string;
  applicationProtocols: readonly string[];
}

/** Told once how a handshake ended. */
export interface HandshakeOwner {
  onSecured(socket: TLSSocket, facts: TlsFacts): void;
  /** @param reason in Envoy's words; '' where the client just left */
  onFailed(reason: string): void;
  /** It took too long: `onFailed` follows. */
  onTimeout(): void;
}

export class TlsServer {
  readonly source: TlsContextSource;
  readonly #stats: TlsStats;
  readonly #requires: boolean;

  /** @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there */
  constructor(configuration: DownstreamTlsContext, scope: StatsScope, secrets: SecretManager) {
    this.source = new TlsContextSource(configuration.commonTlsContext, 'server', secrets, scope);
    this.#stats = new TlsStats(scope);
    this.#requires = configuration.requireClientCertificate ?? false;
  }

  /**
   * Begins the handshake on a connection whose bytes nobody has taken.
   * @param timeoutMs 0: for ever
   */
  handshake(raw: Socket, asked: AskedFor, timeoutMs: number, owner: HandshakeOwner): void {
    const context = this.source.forConnection();
    if (context === undefined) {
      raw.destroy();
      owner.onFailed(secretMissing);
      return;
    }
    const identity = identityFor(context, asked.serverName);
    const socket = new TLSSocket(raw, { isServer: true, ...this.#socketOptions(context, identity, asked) });
    new Handshake(socket, timeoutMs, {
      done: () => this.#judge(socket, context, identity, owner),
      timedOut: () => owner.onTimeout(),
      failed: error => {
        raw.destroy();
        owner.onFailed(this.#reasonOf(error));
      },
    });
  }

  #socketOptions({ applicationProtocols, verification }: TlsContext, identity: Identity, asked: AskedFor) {
    // Where the two have none in common Node would end the handshake; Envoy goes on without one.
    const common = applicationProtocols.filter(protocol => asked.applicationProtocols.includes(protocol));
    return {
      secureContext: identity.context,
      requestCert: verification.asks,
      // Makes OpenSSL refuse a client without a certificate; one that has some is judged here.
      rejectUnauthorized: verification.asks && (verification.demands || this.#requires),
      ...(common.length > 0 && { ALPNProtocols: common }),
    };
  }

  #judge(socket: TLSSocket, { verification }: TlsContext, identity: Identity, owner: HandshakeOwner): void {
    const shown = socket.getPeerX509Certificate();
    const peer = shown && new Certificate(shown);
    const refusal = peer && verification.judge(peer, chainError(socket), this.#stats);
    if (refusal !== undefined) {
      socket.destroy();
      owner.onFailed(describeRefusal(refusal));
      return;
    }
    socket.on('error', error => this.#countError(error));
    const cipher = socket.getCipher().name;
    const version = socket.getProtocol() ?? '';
    this.#stats.countHandshake(version, cipher, socket.isSessionReused(), peer !== undefined);
    owner.onSecured(socket, { version, cipher, peer, local: identity.certificate });
  }

  /** Of a connection that is in use. */
  #countError(error: NodeJS.ErrnoException): void {
    if (reasonName(error) !== undefined) this.#stats.connectionError.increment();
  }

  #reasonOf(error: NodeJS.ErrnoException | undefined): string {
    const name = error && reasonName(error);
    // Who just leaves makes no error.
    if (name === undefined) return '';
    const counter = name === 'PEER_DID_NOT_RETURN_A_CERTIFICATE' ? 'failVerifyNoCert' : 'connectionError';
    this.#stats[counter].increment();
    return describeTlsError(name);
  }
}

/** The certificate that names the server that was asked for, or the first. */
function identityFor({ identities }: TlsContext, serverName: string): Identity {
  if (identities.length === 1 || serverName === '') return identities[0]!;
  const names = (identity: Identity) => identity.certificate?.namesOf('dns') ?? [];
  return (
    identities.find(identity => names(identity).some(name => name.toLowerCase() === serverName)) ??
    identities.find(identity => names(identity).some(name => coversName(name, serverName))) ??
    identities[0]!
  );
}

/** Node keeps the errors of a socket that belongs to no `tls.Server` to itself until its control is released. */
interface ControlledSocket {
  _releaseControl(): boolean;
}

interface HandshakeEnd {
  done(): void;
  timedOut(): void;
  failed(error: NodeJS.ErrnoException | undefined): void;
}

/** A handshake that ends one way or the other, once. */
class Handshake {
  readonly #end: HandshakeEnd;
  readonly #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(socket: TLSSocket, timeoutMs: number, end: HandshakeEnd) {
    this.#end = end;
    const fail = (error?: NodeJS.ErrnoException): void => this.#finish(() => end.failed(error));
    // Stays: what fails once the handshake is over is told by `close`.
    socket.on('error', fail);
    socket.on('_tlsError', fail);
    socket.on('close', () => fail());
    socket.once('secure', () => {
      (socket as unknown as ControlledSocket)._releaseControl();
      this.#finish(() => this.#end.done());
    });
    const timeOut = (): void => {
      end.timedOut();
      fail();
    };
    this.#timer = timeoutMs > 0 ? setTimeout(timeOut, timeoutMs) : undefined;
  }

  #finish(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    tell();
  }
}
