/** Where our proxy and the real Envoy differ knowingly. A difference that is gone has to go from here too. */
export interface KnownDifference {
  scenario: string;
  step: string;
  reason: string;
}

export const knownDifferences: KnownDifference[] = [];
