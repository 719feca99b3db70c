import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './errors.ts';
import { findSetting, type Settings, settingDefinitions } from './settings.ts';

/** Reads DATA/config.yaml into the settings. No file is no settings; a mistake in it is told with its line. */
export async function applySettingsFile(settings: Settings, data: string): Promise<void> {
  const file = join(data, 'config.yaml');
  const text = await readIfThere(file);
  if (text === null) return;
  const { LineCounter, parseDocument, isMap, isScalar } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const mistake = document.errors[0];
  if (mistake) throw new StartError(`${at(mistake.pos[0])}: ${mistake.message.split('\n')[0]}`, 'Mend the YAML.');
  if (document.contents === null) return;
  if (!isMap(document.contents))
    throw new StartError(`${file}:1: not a list of settings`, 'Write lines such as "port: 8080".');
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : '?';
    const place = at(isScalar(key) ? (key.range?.[0] ?? 0) : 0);
    applyFromFile(settings, name, isScalar(value) ? String(value.value) : null, place);
  }
}

function applyFromFile(settings: Settings, name: string, value: string | null, place: string): void {
  const definition = name === 'data' ? undefined : findSetting(name);
  if (!definition) {
    const known = settingDefinitions.map(({ key }) => key).filter(key => key !== 'data');
    throw new StartError(`${place}: unknown setting "${name}"`, `Known settings: ${known.join(', ')}.`);
  }
  try {
    if (value === null) throw new RangeError('a single value');
    definition.apply(settings, value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StartError(`${place}: ${name} is "${value ?? ''}"; it takes ${error.message}`);
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // no folder, no file in it: who makes the folder tells what is in the way
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new StartError(`${file}: cannot be read (${code})`, 'Make it a file that this user may read, or remove it.');
  }
}
