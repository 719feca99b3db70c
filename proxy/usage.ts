/** The texts of the command line: usage, help and errors, laid out as Envoy's library (TCLAP) does. */
import { type Flag, flags, standardFlags } from './flags.ts';

const width = 75;

/** `--help`. */
export function help(program: string): string {
  const described = [...flags, ...standardFlags].map(describe).join('\n\n');
  return `\nUSAGE: \n\n${synopsis(program)}\n\n\nWhere: \n\n${described}\n\n\n   an Envoy-compatible proxy\n\n`;
}

/** What is printed when the arguments cannot be read. */
export function parseError(program: string, argument: string, problem: string): string {
  const place = argument === '' ? '' : `Argument: ${argument}`;
  return `PARSE ERROR: ${place}\n             ${problem}\n\nBrief USAGE: \n${synopsis(program)}\n\nFor complete USAGE and HELP type: \n   ${program} --help\n\n`;
}

/** `-c (--config-path)`, `(--concurrency)`: how TCLAP names a flag in an error. */
export function flagLabel(flag: Flag): string {
  return flag.short === undefined ? `(--${flag.name})` : `-${flag.short} (--${flag.name})`;
}

function synopsis(program: string): string {
  const parts = [...flags, ...standardFlags].map(flag => {
    const name = flag.short === undefined ? `--${flag.name}` : `-${flag.short}`;
    return `[${name}${flag.takes === undefined ? '' : ` <${flag.takes}>`}]`;
  });
  return wrap(parts, `   ${program}  `, ' '.repeat(program.length + 5));
}

function describe(flag: Flag): string {
  const value = flag.takes === undefined ? '' : ` <${flag.takes}>`;
  const names = flag.short === undefined ? `--${flag.name}${value}` : `-${flag.short}${value},  --${flag.name}${value}`;
  const text = wrap(flag.help.split(' '), '     ', '     ');
  return `   ${names}\n${text}${flag.default === undefined ? '' : `\n\n     Default is [${flag.default}]`}`;
}

/** Fills lines with words: the first line begins with `first`, the others with `indent`. */
function wrap(words: readonly string[], first: string, indent: string): string {
  const lines: string[] = [];
  let line = first;
  for (const word of words) {
    if (line.trim() !== '' && line.length + word.length > width && line !== first) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}
