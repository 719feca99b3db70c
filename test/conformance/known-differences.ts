/** Where our proxy and the real Envoy differ knowingly. A difference that is gone has to go from here too. */
export interface KnownDifference {
  scenario: string;
  step: string;
  reason: string;
}

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
];
