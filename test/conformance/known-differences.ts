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
];
