import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Problems } from './problems.ts';

/** A YAML file that its schema accepted, and where each value stands in it. */
export interface Source<T> {
  file: string;
  value: T;
  /** The line of the value at a path, or of the nearest one around it. */
  lineOf(path: (string | number)[]): number;
}

export type SchemaName = 'workshop' | 'lesson';

const validators = new Map<string, ValidateFunction>();

function validatorOf(folder: string, name: SchemaName): ValidateFunction {
  const file = join(folder, 'schema', `${name}.json`);
  let validate = validators.get(file);
  if (!validate) {
    const ajv = new Ajv2020({
      allErrors: true,
      discriminator: true,
      strict: true,
      strictRequired: false,
      strictTypes: false,
    });
    validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
    validators.set(file, validate);
  }
  return validate;
}

/** Reads a YAML file against its schema; mistakes go into `problems` and the answer is undefined. */
export async function readYaml<T>(
  folder: string,
  file: string,
  schema: SchemaName,
  problems: Problems,
): Promise<Source<T> | undefined> {
  const text = await readText(file, problems);
  if (text === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    problems.add(file, lines.linePos(error.pos[0]).line, firstLine(error.message), 'Mend the YAML.');
  }
  if (document.errors.length > 0) return undefined;
  const lineOf = (path: (string | number)[]): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  const value: unknown = document.toJS();
  const validate = validatorOf(folder, schema);
  if (!validate(value)) {
    addSchemaProblems(validate.errors ?? [], file, lineOf, problems);
    return undefined;
  }
  return { file, value: value as T, lineOf };
}

/** Reads a text file that another one names; a missing one is a problem of the file that names it. */
export async function readText(
  file: string,
  problems: Problems,
  namedIn?: { file: string; line: number },
): Promise<string | undefined> {
  const at = namedIn ?? { file, line: 1 };
  if (relative(problems.folder, file).split(sep)[0] === '..') {
    problems.add(
      at.file,
      at.line,
      `the file ${file} lies outside of the workshop's folder`,
      'Move it into the folder.',
    );
    return undefined;
  }
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : `cannot be read (${error})`;
    problems.add(at.file, at.line, `the file ${file} ${why}`, 'Make it, or mend the name.');
    return undefined;
  }
}

/** The errors of the branches of a `oneOf` that were not meant hide the one that matters: the discriminator leaves only that one. */
function addSchemaProblems(
  errors: ErrorObject[],
  file: string,
  lineOf: Source<unknown>['lineOf'],
  problems: Problems,
): void {
  const seen = new Set<string>();
  for (const error of errors) {
    if (error.keyword === 'if' || (error.keyword === 'oneOf' && errors.length > 1)) continue;
    const path = error.instancePath
      .split('/')
      .slice(1)
      .map(part => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
    const { message, remedy, key } = wordsOf(error);
    const line = key === undefined ? lineOf(path) : keyLine(lineOf, path, key);
    const where = path.length > 0 ? ` at ${path.join('.')}` : '';
    const text = `${message}${where}`;
    if (seen.has(`${line} ${text}`)) continue;
    seen.add(`${line} ${text}`);
    problems.add(file, line, text, remedy);
  }
}

function keyLine(lineOf: Source<unknown>['lineOf'], path: (string | number)[], key: string): number {
  return lineOf([...path, key]);
}

function wordsOf(error: ErrorObject): { message: string; remedy: string; key?: string } {
  const parameters = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(parameters.additionalProperty ?? parameters.unevaluatedProperty);
      const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
      const remedy = known.length > 0 ? `Known here: ${known.join(', ')}.` : 'Take it out.';
      return { message: `unknown key "${key}"`, remedy, key };
    }
    case 'required':
      return { message: `the key "${parameters.missingProperty}" is missing`, remedy: 'Add it.' };
    case 'enum':
      return {
        message: 'the value is not one of those allowed',
        remedy: `Allowed: ${(parameters.allowedValues as unknown[]).join(', ')}.`,
      };
    case 'discriminator':
      return {
        message: `an unknown ${parameters.tag} "${parameters.tagValue}"`,
        remedy: 'See labs/AUTHORS.md for the kinds.',
      };
    default:
      return { message: `the value ${error.message ?? 'is wrong'}`, remedy: 'See labs/AUTHORS.md for what is meant.' };
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
