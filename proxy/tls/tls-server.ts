/**
 * TLS towards clients, by Node's own sockets on OpenSSL.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto#extensions-transport-sockets-tls-v3-downstreamtlscontext
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { DownstreamTlsContext_OcspStaplePolicy as StaplePolicy } from '../api/enums.js';
import type { DownstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { StatsScope } from '../stats/store.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';
import { Certificate } from './certificate.ts';
import { type AskedFor, CertificateChoice } from './certificate-choice.ts';
import { chainError } from './chain-error.ts';
import { KeyLog } from './key-log.ts';
import type { SecretManager } from './secret-manager.ts';
import { statedTicketKeys } from './session-tickets.ts';
import type { Identity, ServerSettings, TlsContext } from './tls-context.ts';
import { TlsContextSource } from './tls-context-source.ts';
import { describeRefusal, describeTlsError, reasonName, secretMissing } from './tls-errors.ts';
import { factsOf, type TlsFacts } from './tls-facts.ts';
import { TlsStats } from './tls-stats.ts';

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
  readonly #staplePolicy: StaplePolicy;
  readonly #scansAll: boolean;
  readonly #withoutIds: boolean;
  readonly #keyLog: KeyLog | undefined;
  /** For the context that is in use. */
  #choice: { context: TlsContext; choice: CertificateChoice } | undefined;

  /** @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there */
  constructor(
    configuration: DownstreamTlsContext,
    scope: StatsScope,
    secrets: SecretManager,
    shared?: SharedMemory | undefined,
  ) {
    this.#staplePolicy = configuration.ocspStaplePolicy;
    this.#scansAll = configuration.fullScanCertsOnSniMismatch ?? false;
    this.#keyLog = KeyLog.of(configuration.commonTlsContext?.keyLog, secrets.keyLogs);
    this.#withoutIds = configuration.disableStatefulSessionResumption;
    const settings = serverSettings(configuration, shared && sharedSecret(shared));
    this.source = new TlsContextSource(configuration.commonTlsContext, 'server', secrets, scope, settings);
    this.#stats = new TlsStats(scope);
    this.#requires = configuration.requireClientCertificate ?? false;
  }

  /**
   * Begins the handshake on a connection whose bytes nobody has taken.
   * @param timeoutMs 0: for ever
   */
  handshake(raw: Socket, asked: AskedFor, timeoutMs: number, owner: HandshakeOwner): void {
    const begunMs = performance.now();
    const context = this.source.forConnection();
    if (context === undefined) {
      raw.destroy();
      owner.onFailed(secretMissing);
      return;
    }
    const { identity, action } = this.#choiceIn(context).for(asked);
    this.#stats.countStaple(action);
    if (action === 'fail') {
      this.#stats.connectionError.increment();
      raw.end(handshakeFailure);
      owner.onFailed(describeTlsError('CONNECTION_REJECTED'));
      return;
    }
    const options = this.#socketOptions(context, identity, asked);
    const socket = new TLSSocket(raw, { isServer: true, ...options });
    this.#keyLog?.follow(socket, raw);
    new Handshake(socket, timeoutMs, {
      done: () => this.#judge(socket, context, { identity, begunMs }, owner),
      timedOut: () => owner.onTimeout(),
      failed: error => {
        raw.destroy();
        owner.onFailed(this.#reasonOf(error));
      },
    });
  }

  #choiceIn(context: TlsContext): CertificateChoice {
    if (this.#choice?.context === context) return this.#choice.choice;
    const { identities, suites, newest } = context;
    const settings = { staplePolicy: this.#staplePolicy, scansAll: this.#scansAll, suites, newest };
    const choice = new CertificateChoice(identities, settings);
    this.#choice = { context, choice };
    return choice;
  }

  #socketOptions({ applicationProtocols, verification }: TlsContext, identity: Identity, asked: AskedFor) {
    // Where the two have none in common Node would end the handshake; Envoy goes on without one.
    const common = applicationProtocols.filter(protocol => asked.applicationProtocols.includes(protocol));
    return {
      secureContext: identity.context,
      ...(identity.companion && { server: identity.companion }),
      requestCert: verification.asks,
      // Makes OpenSSL refuse a client without a certificate; one that has some is judged here.
      rejectUnauthorized: verification.asks && (verification.demands || this.#requires),
      ...(common.length > 0 && { ALPNProtocols: common }),
    };
  }

  #judge(
    socket: TLSSocket,
    { verification }: TlsContext,
    { identity, begunMs }: { identity: Identity; begunMs: number },
    owner: HandshakeOwner,
  ): void {
    const shown = socket.getPeerX509Certificate();
    const peer = shown && new Certificate(shown);
    const error = chainError(socket);
    const refusal = peer && verification.judge(peer, 'client', error, this.#stats);
    if (refusal !== undefined) {
      socket.destroy();
      owner.onFailed(describeRefusal(refusal));
      return;
    }
    socket.on('error', error => this.#countError(error));
    const reused = socket.isSessionReused();
    const issuer = peer && error === undefined ? () => verification.issuerOf(peer) : undefined;
    const known = { ...factsOf(socket, peer, identity.certificate, begunMs), issuer };
    // OpenSSL gives sessions ids even where nobody keeps them.
    const facts = this.#withoutIds && !reused ? { ...known, sessionId: '' } : known;
    this.#stats.countHandshake(facts, reused, peer !== undefined);
    owner.onSecured(socket, facts);
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

/** A fatal alert. */
const handshakeFailure = Buffer.from('15030300020228', 'hex');

/** What handshakes need to know of a configuration beyond its common part. */
export function serverSettings(
  { ocspStaplePolicy, sessionTimeout, sessionTicketKeysType: tickets, ...rest }: DownstreamTlsContext,
  ticketSecret?: Uint8Array,
): ServerSettings {
  return {
    ticketSecret,
    demandsStaples: ocspStaplePolicy === StaplePolicy.MUST_STAPLE,
    // Without a whole second it is as if nothing were said, as in Envoy.
    sessionTimeoutSeconds: Math.min(Number(sessionTimeout?.seconds ?? 0), longestTimeout) || undefined,
    withoutTickets: tickets.case === 'disableStatelessSessionResumption' && tickets.value,
    withoutIds: rest.disableStatefulSessionResumption,
    ticketKeys: tickets.case === 'sessionTicketKeys' ? statedTicketKeys(tickets.value) : undefined,
    clientChooses: rest.preferClientCiphers,
  };
}

/** What Node takes. */
const longestTimeout = 2 ** 31 - 1;

const secretSize = 32;

/** The first worker makes it, before others ask for it. */
function sharedSecret(shared: SharedMemory): Uint8Array {
  const secret = new Uint8Array(shared.next('ticket secret', secretSize));
  if (secret.every(byte => byte === 0)) secret.set(randomBytes(secretSize));
  return secret;
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
