/**
 * What upstreams are told of clients' certificates, by `x-forwarded-client-cert`.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
 */
import { HttpConnectionManager_ForwardClientCertDetails as Mode } from '../api/enums.js';
import type {
  HttpConnectionManager_SetCurrentClientCertDetails as Details,
  HttpConnectionManager,
} from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';

const header = 'x-forwarded-client-cert';

export interface ForwardedCertificate {
  /** Whether what the client says of certificates is passed on. */
  keeps(tls: TlsFacts | undefined): boolean;
  /** Adds what is known of the client's own. */
  tell(head: RequestHeaders, tls: TlsFacts | undefined): void;
}

/** Undefined where nothing is passed on, which is the usual case. */
export function forwardedCertificate(configuration: HttpConnectionManager): ForwardedCertificate | undefined {
  const { forwardClientCertDetails: mode, setCurrentClientCertDetails: details } = configuration;
  if (mode === Mode.SANITIZE) return undefined;
  const shows = (tls: TlsFacts | undefined): tls is TlsFacts => tls?.peer !== undefined;
  return {
    // One that is replaced keeps its place.
    keeps: tls => mode === Mode.ALWAYS_FORWARD_ONLY || shows(tls),
    tell: (head, tls) => {
      if (!shows(tls) || mode === Mode.ALWAYS_FORWARD_ONLY || mode === Mode.FORWARD_ONLY) return;
      const before = mode === Mode.APPEND_FORWARD ? head.getAll(header) : undefined;
      const own = describe(tls, details);
      head.set(header, before === undefined || before === '' ? own : `${before},${own}`);
    },
  };
}

/** The certificates of a connection do not change: it is described once. */
const described = new WeakMap<TlsFacts, string>();

function describe(tls: TlsFacts, details: Details | undefined): string {
  const known = described.get(tls);
  if (known !== undefined) return known;
  const text = elements(tls, details).join(';');
  described.set(tls, text);
  return text;
}

function elements({ local, peer }: TlsFacts, details: Details | undefined): string[] {
  if (peer === undefined) return [];
  const by = local?.namesOf('uri')[0];
  const uris = peer.namesOf('uri');
  return [
    ...(by === undefined ? [] : [`By=${by}`]),
    `Hash=${peer.fingerprint256}`,
    ...(details?.cert ? [`Cert="${peer.encodedPem}"`] : []),
    ...(details?.chain ? [`Chain="${peer.encodedChain}"`] : []),
    ...(details?.subject ? [`Subject="${peer.subject}"`] : []),
    ...(details?.uri ? (uris.length === 0 ? ['URI='] : uris.map(uri => `URI=${uri}`)) : []),
    ...(details?.dns ? peer.namesOf('dns').map(name => `DNS=${name}`) : []),
  ];
}
