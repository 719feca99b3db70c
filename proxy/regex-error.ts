/** Says what is wrong with a regular expression, the commonest mistakes in the words of RE2. */
export function describeRegexError(error: unknown, pattern: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('Unterminated group')) return `missing ): ${pattern}`;
  if (message.includes('Unmatched')) return `unexpected ): ${pattern}`;
  if (message.includes('Nothing to repeat')) return `no argument for repetition operator: ${pattern}`;
  if (message.includes('Unterminated character class')) return `missing ]: ${pattern}`;
  return message;
}
