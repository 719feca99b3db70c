/** Reads the command line, with Envoy's flags, words and refusals. */
import { parseShare } from './explain/share.ts';
import { type Flag, flags, standardFlags } from './flags.ts';
import { type LoggerName, type LogLevel, loggerNames, parseLogLevel } from './log.ts';
import { flagLabel, help, parseError } from './usage.ts';
import { fullVersion } from './version.ts';

/** What was asked for. */
export interface Options {
  configPath: string | undefined;
  configYaml: string | undefined;
  mode: 'serve' | 'validate' | 'init_only';
  concurrency: number | undefined;
  logLevel: LogLevel;
  componentLogLevels: readonly (readonly [LoggerName, LogLevel])[];
  logPath: string | undefined;
  adminAddressPath: string | undefined;
  baseId: number;
  drainTimeSeconds: number;
  drainStrategy: 'gradual' | 'immediate';
  fileFlushIntervalMs: number | undefined;
  serviceNode: string | undefined;
  serviceCluster: string | undefined;
  serviceZone: string | undefined;
  rejectUnknownDynamicFields: boolean;
  /** Which share of the requests is explained that do not ask for it, from 0 to 1; undefined: none, even of those that ask. */
  explain: number | undefined;
}

/** Either options, or a text to print and the status to exit with. */
export type ParsedCommandLine = { options: Options } | { print: string; to: 'stdout' | 'stderr'; status: number };

/**
 * Reads the arguments behind the program's name.
 *
 * @param environment `PROXY_EXPLAIN` in it stands for `--explain`, where that is not given
 */
export function parseCommandLine(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ParsedCommandLine {
  try {
    const given = collect(args);
    if (given.has('help')) return { print: help(program), to: 'stdout', status: 0 };
    if (given.has('version')) return { print: `\n${program}  version: ${fullVersion}\n\n`, to: 'stdout', status: 0 };
    return { options: optionsOf(given, environment) };
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    const { argument, message } = error;
    if (argument === undefined) return { print: `${message}\n`, to: 'stderr', status: 1 };
    return { print: `${parseError(program, argument, message)}${argument} -- ${message}\n`, to: 'stderr', status: 1 };
  }
}

class CommandLineError extends Error {
  readonly code = 'BAD_ARGUMENT';
  readonly argument: string | undefined;

  constructor(message: string, argument?: string) {
    super(message);
    this.argument = argument;
  }
}

/** The flags that were given, with their values; those that take none have ''. */
function collect(args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const { flag, inline } = matchFlag(argument);
    if (given.has(flag.name)) throw new CommandLineError('Argument already set!', flagLabel(flag));
    given.set(flag.name, flag.takes === undefined ? '' : readValue(flag, inline ?? rest.shift()));
  }
  return given;
}

function matchFlag(argument: string): { flag: Flag; inline: string | undefined } {
  const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
  const flag = [...flags, ...standardFlags].find(
    known => known.name === name || (known.short !== undefined && argument === `-${known.short}`),
  );
  if (!flag || (inline !== undefined && flag.takes === undefined))
    throw new CommandLineError("Couldn't find match for argument", argument);
  return { flag, inline };
}

function readValue(flag: Flag, value: string | undefined): string {
  if (value === undefined) throw new CommandLineError('Missing a value for this argument!', flagLabel(flag));
  if (flag.takes !== 'uint32_t' || (/^\d+$/.test(value) && Number(value) < 2 ** 32)) return value;
  throw new CommandLineError(`Couldn't read argument value from string '${value}'`, flagLabel(flag));
}

function optionsOf(given: ReadonlyMap<string, string>, environment: NodeJS.ProcessEnv): Options {
  const number = (name: string) => (given.has(name) ? Number(given.get(name)) : undefined);
  return {
    configPath: given.get('config-path'),
    configYaml: given.get('config-yaml'),
    mode: oneOf(
      given.get('mode') ?? 'serve',
      ['serve', 'validate', 'init_only'],
      text => `error: unknown mode '${text}'`,
    ),
    concurrency: number('concurrency'),
    logLevel: logLevel(given.get('log-level') ?? 'info'),
    componentLogLevels: (given.get('component-log-level') ?? '').split(',').filter(Boolean).map(componentLogLevel),
    logPath: given.get('log-path'),
    adminAddressPath: given.get('admin-address-path'),
    baseId: number('base-id') ?? 0,
    drainTimeSeconds: number('drain-time-s') ?? 600,
    drainStrategy: oneOf(
      given.get('drain-strategy') ?? 'gradual',
      ['gradual', 'immediate'],
      text => `error: unknown drain-strategy '${text}'`,
    ),
    fileFlushIntervalMs: number('file-flush-interval-msec'),
    serviceNode: given.get('service-node'),
    serviceCluster: given.get('service-cluster'),
    serviceZone: given.get('service-zone'),
    rejectUnknownDynamicFields: given.has('reject-unknown-dynamic-fields'),
    explain: share(given.get('explain') ?? (environment.PROXY_EXPLAIN || undefined)),
  };
}

function oneOf<Value extends string>(text: string, values: readonly Value[], refusal: (text: string) => string): Value {
  const found = values.find(value => value === text);
  if (found === undefined) throw new CommandLineError(refusal(text));
  return found;
}

function share(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseShare(text);
  } catch (error) {
    throw new CommandLineError(`error: explain: ${(error as RangeError).message}`);
  }
}

function logLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined) throw new CommandLineError(`error: invalid log level specified '${text}'`);
  return level;
}

function componentLogLevel(text: string): readonly [LoggerName, LogLevel] {
  const [name, level] = text.split(':');
  const logger = loggerNames.find(known => known === name);
  if (level === undefined) throw new CommandLineError(`error: component log level not correctly specified '${text}'`);
  if (logger === undefined) throw new CommandLineError(`error: invalid component specified '${name}'`);
  return [logger, logLevel(level)];
}
