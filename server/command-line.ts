import { StartError } from './errors.ts';
import { defaultSettings, environmentName, findSetting, type Settings, settingDefinitions } from './settings.ts';
import { applySettingsFile } from './settings-file.ts';

/** What the command line asks for. */
export interface CommandLine {
  command: 'serve' | 'doctor' | 'help' | 'backup' | 'restore';
  json: boolean;
  /** Of backup and restore. */
  file: string;
  /** Whether a restore may end what is there. */
  replace: boolean;
  settings: Settings;
}

const usageRemedy = 'npm start -- --help lists what there is.';

/** Reads flags, environment and DATA/config.yaml. @throws StartError with the place of the mistake */
export async function readCommandLine(args: string[], environment: NodeJS.ProcessEnv): Promise<CommandLine> {
  const flags = parseFlags(args);
  const settings = defaultSettings(environment);
  const { values, ...rest } = flags;
  if (flags.command === 'help') return { ...rest, settings };
  const overrides = defaultSettings(environment);
  applyEnvironment(overrides, environment);
  applyFlags(overrides, values);
  await applySettingsFile(settings, overrides.data);
  applyEnvironment(settings, environment);
  applyFlags(settings, values);
  return { ...rest, settings };
}

interface Flags extends Omit<CommandLine, 'settings'> {
  values: Map<string, string>;
}

function parseFlags(args: string[]): Flags {
  const flags: Flags = { command: 'serve', json: false, file: '', replace: false, values: new Map() };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === 'doctor' && index === 0) flags.command = 'doctor';
    else if ((arg === 'backup' || arg === 'restore') && index === 0) {
      flags.command = arg;
      flags.file = fileAfter(arg, args[++index]);
    } else if (arg === '--replace' && flags.command === 'restore') flags.replace = true;
    else if (arg === '--help' || arg === '-h' || arg === 'help') return { ...flags, command: 'help' };
    else if (arg === '--json') flags.json = true;
    else if (arg === '--alone' || arg === '--class') flags.values.set('mode', arg.slice(2));
    else index += takeValue(flags.values, arg, args[index + 1]);
  }
  return flags;
}

function fileAfter(command: string, file: string | undefined): string {
  if (file !== undefined && file !== '' && !file.startsWith('-')) return file;
  throw new StartError(`${command} needs the name of a file`, usageRemedy, 2);
}

/** `--key=value` or `--key value`; answers how many arguments more were taken. */
function takeValue(values: Map<string, string>, arg: string, next: string | undefined): 0 | 1 {
  const [, key = '', attached] = /^--([a-z-]+)(?:=([\s\S]*))?$/.exec(arg) ?? [];
  if (!findSetting(key)) throw new StartError(`unknown argument "${arg}"`, usageRemedy, 2);
  const value = attached ?? next;
  if (value === undefined) throw new StartError(`--${key} needs a value`, usageRemedy, 2);
  values.set(key, value);
  return attached === undefined ? 1 : 0;
}

/** The settings of the environment alone, for programs without the server's flags. @throws StartError */
export function environmentSettings(environment: NodeJS.ProcessEnv): Settings {
  const settings = defaultSettings(environment);
  applyEnvironment(settings, environment);
  return settings;
}

function applyFlags(settings: Settings, values: Map<string, string>): void {
  for (const [key, value] of values) applyNamed(settings, key, value, `--${key}`);
}

function applyEnvironment(settings: Settings, environment: NodeJS.ProcessEnv): void {
  for (const { key } of settingDefinitions) {
    const name = environmentName(key);
    const value = environment[name];
    if (value !== undefined && value !== '') applyNamed(settings, key, value, name);
  }
}

function applyNamed(settings: Settings, key: string, value: string, name: string): void {
  try {
    findSetting(key)?.apply(settings, value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StartError(`${name} is "${value}"; it takes ${error.message}`, usageRemedy, 2);
  }
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = [
    ...settingDefinitions.map(({ key, value, help }) => [`--${key} ${value}`, help]),
    ['--alone, --class', 'short for --mode alone and --mode class'],
    ['--json', 'print one line {"learner":URL,"instructor":URL} when the server answers'],
    ['--help', 'this text'],
  ];
  return [
    'Usage: npm start [-- FLAGS]          starts the workshop',
    '       npm start -- doctor           tells what this machine can do',
    '       npm start -- backup FILE      writes people, progress and secrets to a file',
    '       npm start -- restore FILE     puts them back, into whichever database is set; --replace: over what is there',
    '',
    ...rows.map(([left = '', right = '']) => `  ${left.padEnd(28)}${right}`),
    '',
    'Each flag is an environment variable too (--idle-timeout: UNICORN_IDLE_TIMEOUT) and a line of FOLDER/config.yaml',
    '(idle-timeout: 30). A flag goes before the variable, the variable before the file.',
    '',
  ].join('\n');
}
