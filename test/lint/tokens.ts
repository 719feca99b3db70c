/** Colours, spaces, font sizes and durations of the pages are tokens: they are written in web/styles/tokens.css, and nowhere else. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesWith, top } from './files.ts';

const tokens = 'web/styles/tokens.css';
const colourNames =
  'black|white|red|green|blue|yellow|orange|purple|pink|gr[ae]y|silver|brown|cyan|magenta|navy|teal|maroon|olive|lime|aqua|fuchsia';
const length = /(?<![\w#.-])-?(?:\d+\.)?\d+(?:px|r?em|ch|ex|pt|cm|mm|in|ms|s)\b/;
const colour = /#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|oklch|oklab|color|color-mix|light-dark)\(/i;
const named = new RegExp(`(?<![\\w-])(?:${colourNames})(?![\\w-])`, 'i');
/** Where a value may stand in the text of a component: quoted. */
const quoted = /'[^'\n]*'|"[^"\n]*"|`[^`]*`/g;

/** What of the pages' sources should be a token. */
export async function checkTokens(): Promise<string[]> {
  const problems: string[] = [];
  for (const file of await filesWith(/^(?!.*\.test\.).*\.(css|tsx?)$/, 'web'))
    problems.push(...judgeTokens(file, await readFile(join(top, file), 'utf8')));
  return problems;
}

/** The places of a file where a colour, a length or a duration is written out. */
export function judgeTokens(file: string, source: string): string[] {
  if (file === tokens) return [];
  const lines = withoutComments(source).split('\n');
  const written = file.endsWith('.css') ? inStyles : inComponent;
  return lines.flatMap((line, index) => {
    const found = written(line);
    return found === null ? [] : [`${file}:${index + 1}: writes ${found}; give it a name in ${tokens}`];
  });
}

/** A width at which the page changes cannot be a token: custom properties do not hold in conditions. */
function inStyles(line: string): string | null {
  if (/^\s*@(media|container)\b/.test(line)) return null;
  const value = line.includes(':') ? line.slice(line.indexOf(':')) : line;
  return [length, colour, named].map(pattern => pattern.exec(value)?.[0]).find(found => found !== undefined) ?? null;
}

function inComponent(line: string): string | null {
  for (const [text] of line.matchAll(quoted))
    for (const pattern of [/(?<![\w#.-])-?(?:\d+\.)?\d+(?:px|r?em|ch)\b/, colour]) {
      const found = pattern.exec(text)?.[0];
      if (found !== undefined) return found;
    }
  return null;
}

/** Comments become as many empty lines. */
const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, ''));
