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
import { type KeptSession, KeptSessions } from './kept-sessions.ts';
import { KeyLog } from './key-log.ts';
import type { SecretManager } from './secret-manager.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';
import type { TlsContext } from './tls-context.ts';
import { TlsContextSource } from './tls-context-source.ts';
import { describeRefusal, describeTlsError, reasonName, secretMissing } from './tls-errors.ts';
import { factsOf, type TlsFacts } from './tls-facts.ts';
import { TlsStats } from './tls-stats.ts';

/** Told once how a handshake ended. */
export interface ClientHandshakeOwner {
  onSecured(socket: TLSSocket, facts: TlsFacts): void;
  /** @param reason in Envoy's words; '' where the host just left */
  onFailed(reason: string): void;
}

/** Whom a connection is for, where its configuration does not say. */
export interface PeerName {
  /** What the host is told, by SNI; undefined: what the configuration says. */
  readonly serverName: string | undefined;
  /** What its certificate has to be for; undefined: what the configuration says. */
  readonly expected: string | undefined;
}

type Session = KeptSession<PeerName | undefined>;

/** @throws TlsConfigurationError where names are expected that nobody is believed */
export function checkExpectation({ autoSniSanValidation, commonTlsContext }: UpstreamTlsContext): void {
  if (autoSniSanValidation && commonTlsContext?.validationContextType.case === undefined)
    throw new TlsConfigurationError("'auto_sni_san_validation' was configured without a validation context");
}

/** A handshake under way. */
interface Begun {
  socket: TLSSocket;
  raw: Socket;
  context: TlsContext;
  /** What it would go on with. */
  before: Session | undefined;
  name: PeerName | undefined;
}

export class TlsClient {
  readonly source: TlsContextSource;
  readonly #stats: TlsStats;
  readonly #serverName: string;
  readonly #sessions: KeptSessions<PeerName | undefined>;
  readonly #keyLog: KeyLog | undefined;
  readonly #namesHosts: boolean;
  readonly #expectsNames: boolean;
  /** By what is said to a host, and expected of it. */
  readonly #peers = new Map<string, PeerName>();

  /** @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there */
  constructor(configuration: UpstreamTlsContext, scope: StatsScope, secrets: SecretManager) {
    checkExpectation(configuration);
    this.source = new TlsContextSource(configuration.commonTlsContext, 'client', secrets, scope);
    this.#stats = new TlsStats(scope);
    this.#serverName = configuration.sni;
    this.#namesHosts = configuration.autoHostSni;
    this.#expectsNames = configuration.autoSniSanValidation;
    this.#keyLog = KeyLog.of(configuration.commonTlsContext?.keyLog, secrets.keyLogs);
    this.#sessions = new KeptSessions(configuration.maxSessionKeys ?? 1);
  }

  /** Whom a connection is for where the context itself says that hosts have names. @param hostname '' where it has none */
  peerAt(hostname: string, name: PeerName | undefined): PeerName | undefined {
    if (!this.#namesHosts && !this.#expectsNames) return name;
    const own = this.#namesHosts && hostname !== '' ? hostname : this.#serverName;
    const serverName = name?.serverName ?? own;
    const expected = this.#expectsNames && serverName !== '' ? serverName : name?.expected;
    const key = JSON.stringify([serverName, expected]);
    const known = this.#peers.get(key) ?? { serverName, expected };
    this.#peers.set(key, known);
    return known;
  }

  /**
   * Begins the handshake on a connection.
   * @param protocols what is offered where the configuration names no protocols
   */
  handshake(raw: Socket, protocols: readonly string[], owner: ClientHandshakeOwner, name?: PeerName): void {
    const context = this.source.forConnection();
    if (context === undefined) {
      raw.destroy();
      owner.onFailed(secretMissing);
      return;
    }
    const { identities, applicationProtocols, verification } = context;
    // A name says nothing where anybody may have signed it.
    if (name?.expected !== undefined && verification.ca === undefined) {
      raw.destroy();
      owner.onFailed('');
      return;
    }
    // Whom a session was begun with is not asked for a name again.
    const before = this.#sessions.find(context, name);
    const offered = applicationProtocols.length > 0 ? applicationProtocols : protocols;
    const socket = connect({
      socket: raw,
      secureContext: identities[0]!.context,
      servername: this.#serverNameFor(name),
      // The certificate is judged here.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(offered.length > 0 && { ALPNProtocols: [...offered] }),
      ...(before && { session: before.ticket }),
    });
    this.#keyLog?.follow(socket, raw);
    this.#follow({ socket, raw, context, before, name }, owner);
  }

  #follow({ socket, raw, context, before, name }: Begun, owner: ClientHandshakeOwner): void {
    const begunMs = performance.now();
    let state: 'begun' | 'verified' | 'over' = 'begun';
    const tickets: Buffer[] = [];
    let peer: Certificate | undefined;
    const keep = (ticket: Buffer): void => this.#sessions.add({ context, ticket, peer, name });
    socket.on('session', (ticket: Buffer) => {
      if (state === 'verified') keep(ticket);
      else tickets.push(ticket);
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
      const refused = this.#refusalOf(socket, context, peer, name);
      state = refused === undefined ? 'verified' : 'over';
      if (refused !== undefined) {
        socket.destroy();
        owner.onFailed(refused);
        return;
      }
      for (const ticket of tickets) keep(ticket);
      const facts = factsOf(socket, peer, context.identities[0]!.certificate, begunMs, this.#serverNameFor(name));
      this.#stats.countHandshake(facts, socket.isSessionReused(), true);
      owner.onSecured(socket, facts);
    });
  }

  #serverNameFor(name: PeerName | undefined): string {
    return name?.serverName ?? this.#serverName;
  }

  /** The reason; undefined where the host may be spoken to. */
  #refusalOf(
    socket: TLSSocket,
    context: TlsContext,
    peer: Certificate | undefined,
    name: PeerName | undefined,
  ): string | undefined {
    const reused = socket.isSessionReused();
    // A session is only kept of a host that was verified, and brings no certificate.
    const refusal = reused ? undefined : this.#judge(socket, context, peer, name?.expected);
    return refusal === undefined ? undefined : describeRefusal(refusal);
  }

  #judge(
    socket: TLSSocket,
    { verification }: TlsContext,
    peer: Certificate | undefined,
    expected: string | undefined,
  ): string | undefined {
    if (peer !== undefined) return verification.judge(peer, 'server', chainError(socket), this.#stats, expected);
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
