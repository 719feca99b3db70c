/** Where our proxy and the real Envoy differ knowingly. A difference that is gone has to go from here too. */
export interface KnownDifference {
  scenario: string;
  step: string;
  reason: string;
}

const members = 'ours takes what follows for another member, as the format has it: Envoy drops it';
const rfc9113 = 'ours ends the connection, as RFC 9113 5.1.1 demands';
const stricter = 'ours refuses it: it is a way to smuggle requests';

export const knownDifferences: KnownDifference[] = [
  { scenario: 'requests that only Envoy takes', step: 'two hosts', reason: stricter },
  { scenario: 'requests that only Envoy takes', step: 'bare line feeds', reason: stricter },
  { scenario: 'requests that only Envoy takes', step: 'a folded header', reason: stricter },
  { scenario: 'framing that only Envoy takes', step: 'two sizes of a chunk', reason: stricter },
  { scenario: 'framing that only Envoy takes', step: 'a bare carriage return', reason: stricter },
  { scenario: 'framing that only Envoy takes', step: 'two spaces in the request line', reason: stricter },
  { scenario: 'framing that only Envoy takes', step: 'a tab in the request line', reason: stricter },
  { scenario: 'framing that only Envoy takes', step: 'NUL in an extension', reason: stricter },
  { scenario: 'HTTP/1: HTTP/1.0 that only Envoy takes', step: 'a body in chunks', reason: stricter },
  { scenario: 'HTTP/1: HTTP/1.0 that only Envoy takes', step: 'a line without a version', reason: stricter },
  { scenario: 'HTTP/1: HTTP/1.0 that only Envoy takes', step: 'HTTP/1.2', reason: stricter },
  { scenario: 'HTTP/1: trailers that only Envoy takes', step: 'a length as a trailer', reason: stricter },
  { scenario: 'HTTP/1: trailers that only Envoy takes', step: 'a coding as a trailer', reason: stricter },
  { scenario: 'HTTP/1: trailers that only Envoy takes', step: 'a host as a trailer', reason: stricter },
  {
    scenario: 'draining: a request on the way',
    step: 'HTTP/1, and another request',
    reason:
      'ours ends the connection with the response that says so, as RFC 9112 9.6 demands: Envoy leaves that to its client',
  },
  {
    scenario: 'tokens',
    step: 'an encoded parameter',
    reason: 'ours leaves it encoded: Envoy sends a request line with a space in it',
  },
  {
    scenario: 'responses that only Envoy takes',
    step: 'GET /switching',
    reason: 'ours refuses it: nobody asked for another protocol',
  },
  {
    scenario: 'responses that only Envoy takes',
    step: 'GET /long-status',
    reason: 'ours refuses it: a status has three digits',
  },
  {
    scenario: 'protobuf for gRPC',
    step: 'a message that is too large',
    reason: 'ours refuses it: Envoy reads no further and waits, and takes what it had read by then',
  },
  {
    scenario: 'tls sessions',
    step: 'sessions of short later',
    reason:
      'ours holds session_timeout for TLS 1.3 too: BoringSSL lets those sessions be for two days whatever is said',
  },
  { scenario: 'gzip and what follows it', step: 'something else', reason: members },
  { scenario: 'gzip and what follows it', step: 'gzip again', reason: members },
  { scenario: 'HTTP/2 that only Envoy takes', step: 'a stream that goes back', reason: rfc9113 },
  {
    scenario: 'protocols by CONNECT that only Envoy takes',
    step: 'CONNECT as a protocol',
    reason: 'ours takes it for malformed: it is a method, and no protocol',
  },
  { scenario: 'upgrades that only Envoy takes', step: 'a body in chunks, then more', reason: stricter },
  {
    scenario: 'upgrades that only Envoy takes',
    step: 'the host answers 426 with Upgrade',
    reason: 'ours ends the connection after it: Envoy leaves it open, and passes nothing on',
  },
  {
    scenario: 'scopes that change places',
    step: 'the first has changed',
    reason: 'ours finds it: Envoy drops the new key of the one with the old key of the other',
  },
  {
    scenario: 'expressions that Envoy takes otherwise',
    step: 'a checked condition',
    reason: 'ours asks it, as the API says: Envoy lets everyone pass',
  },
  {
    scenario: 'expressions that Envoy takes otherwise',
    step: "the access log's 2 lines",
    reason: 'messages are maps in ours: Envoy prints their debug text, and knows which of their fields are set',
  },
];
