/** Which requests are explained, as the command line and the environment say it. */

/** The words for it. */
export const shareWords = "'header' (those with a header x-explain), 'all', or also a share of the others such as '5%'";

/**
 * The share of the requests that do not ask themselves, from 0 to 1.
 *
 * @throws RangeError for what says no share
 */
export function parseShare(text: string): number {
  if (text === 'header') return 0;
  if (text === 'all') return 1;
  const percent = /^\d{1,3}(\.\d+)?%$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (percent <= 100) return percent / 100;
  throw new RangeError(`'${text}' is not one of ${shareWords}`);
}
