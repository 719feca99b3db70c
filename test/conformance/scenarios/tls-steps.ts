/** Certificates for the scenarios, and steps that speak TLS. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { top } from '../../lint/files.ts';
import { type Answer, exchange } from '../exchange.ts';
import { normalize, type Ports, type Step, stats } from '../scenario.ts';

type Json = Record<string, unknown>;

const folder = join(top, 'test/fixtures/tls');
/** One of test/fixtures/tls. */
export const file = (name: string): Json => ({ filename: join(folder, name) });

/** The certificate of one of test/fixtures/tls. */
export const certificate = (name: string): Json => ({
  certificate_chain: file(`${name}.pem`),
  private_key: file(`${name}.key`),
});

const type = (name: string): string => `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${name}`;

export const authority = file('authority.pem');
/** Of `chained`, which two others stand between. */
export const chainedAuthority = file('chained-authority.pem');
export const otherAuthority = file('other-authority.pem');
export const revocations = file('revoked-list.pem');

export const named = (kind: 'DNS' | 'URI' | 'EMAIL' | 'IP_ADDRESS', ...exact: string[]): Json => ({
  match_typed_subject_alt_names: exact.map(name => ({ san_type: kind, matcher: { exact: name } })),
});

export interface Context {
  certificates?: string[];
  /** A CertificateValidationContext. */
  validation?: Json;
  /** More of the CommonTlsContext. */
  common?: Json;
  /** More of the context of this side. */
  more?: Json;
}

function context(kind: string, { certificates = [], validation, common, more }: Context): Json {
  const typed = {
    '@type': type(kind),
    common_tls_context: {
      ...(certificates.length > 0 && { tls_certificates: certificates.map(certificate) }),
      ...(validation && { validation_context: validation }),
      ...common,
    },
    ...more,
  };
  return { transport_socket: { name: 'tls', typed_config: typed } };
}

export const served = (parts: Context): Json => context('DownstreamTlsContext', parts);
export const spoken = (parts: Context): Json => context('UpstreamTlsContext', parts);

export interface Client
  extends Pick<ConnectionOptions, 'minVersion' | 'maxVersion' | 'ciphers' | 'session' | 'requestOCSP' | 'sigalgs'> {
  name?: string;
  /** One of test/fixtures/tls. */
  identity?: string;
  /** Another one that is shown along with it. */
  along?: string;
  protocols?: string[];
  port?: (ports: Ports) => number;
}

export function open(port: number, { name, identity, along, protocols, port: _, ...more }: Client): TLSSocket {
  const read = (end: string, of = identity) => readFileSync(join(folder, `${of}.${end}`), 'utf8');
  return connect({
    ...{ host: '127.0.0.1', port, rejectUnauthorized: false, servername: name ?? '' },
    ...(identity && { cert: read('pem') + (along ? read('pem', along) : ''), key: read('key') }),
    ...(protocols && { ALPNProtocols: protocols }),
    ...more,
  });
}

/** A step: one request by TLS, and what the handshake came to; `refused` where no answer comes, however that is told. */
export function secured(path: string, client: Client = {}, headers: string[] = []): Step {
  const told = Object.entries(client).map(([key, value]) => `${key} ${typeof value === 'function' ? 'other' : value}`);
  return {
    name: [`https ${path}`, ...told, ...headers].join(', '),
    see: async ({ ports }) => {
      let socket: TLSSocket | undefined;
      let handshake: Json = {};
      let stapled: Json = {};
      const bytes = [`GET ${path} HTTP/1.1`, 'host: example.com', ...headers, '', ''].join('\r\n');
      const answer = await exchange(client.port?.(ports) ?? ports.listener, bytes, false, undefined, port => {
        socket = open(port, client);
        socket.once('OCSPResponse', (response: Buffer | null) => {
          stapled = { stapledBytes: response?.length ?? 0 };
        });
        socket.once('secureConnect', () => {
          handshake = shown(socket!);
        });
        return socket;
      });
      return answer.framing === 'nothing'
        ? 'refused'
        : { ...handshake, ...stapled, ...withoutPorts(normalize(answer)) };
    },
  };
}

function shown(socket: TLSSocket): Json {
  return {
    version: socket.getProtocol(),
    protocol: socket.alpnProtocol,
    certificate: socket.getPeerX509Certificate()?.subject,
  };
}

/** Ports that the kernel chose. */
const withoutPorts = (answer: Answer): Answer => ({
  ...answer,
  body: answer.body.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>'),
});

const counters = `handshake connection_error fail_verify_error fail_verify_no_cert fail_verify_san fail_verify_cert_hash
no_certificate session_reused ocsp_staple_failed ocsp_staple_omitted ocsp_staple_requests ocsp_staple_responses
versions.TLSv1.2 versions.TLSv1.3 curves.X25519 curves.X25519MLKEM768 sigalgs.ecdsa_secp256r1_sha256
certificate.unnamed_cert_e3b0c442.expiration_unix_time_seconds
certificate.unnamed_ca_cert_e3b0c442.expiration_unix_time_seconds
certificate.unnamed_ca_cert.expiration_unix_time_seconds`;

/** A step: what is counted of handshakes below a name. */
export const handshakes = (scope: string): Step =>
  stats(...counters.split(/\s+/).map(counter => `${scope}.ssl.${counter}`));
