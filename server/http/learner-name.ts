import { UnicornError } from '../errors.ts';

const longest = 40;
// Control and format characters (among them those that turn the direction of text), lone surrogates, private use, unassigned, line separators.
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
/** Joins the parts of emoji and of some scripts' letters; allowed between two others. */
const joiners = /(?<=\S)[\u200c\u200d](?=\S)/gu;

/**
 * A name as it is kept: in normal form, with single spaces. Markup is text like any other; pages never read it as HTML.
 *
 * @throws UnicornError `invalid-name`
 */
export function cleanName(raw: string): string {
  const name = raw.slice(0, 1000).normalize('NFC').trim().replaceAll(/\s+/gu, ' ');
  if (unseen.test(raw.slice(0, 1000).replaceAll(joiners, ''))) {
    throw invalid('The name has characters in it that cannot be seen.', 'Type it with letters that can be read.');
  }
  const length = [...new Intl.Segmenter('und').segment(name)].length;
  if (length === 0) throw invalid('The name is empty.', 'Type the name by which the others know you.');
  if (length > longest || name.length > longest * 4 || raw.length > 1000) {
    throw invalid(`The name is longer than ${longest} characters.`, 'A first name will do.');
  }
  return name;
}

function invalid(message: string, remedy: string): UnicornError {
  return new UnicornError('invalid-name', message, remedy);
}
