/** The proxy as a program: `proxy -c FILE`. */
import './own-allocator.ts';
import { type Options, parseCommandLine } from './command-line.ts';
import type { LoadedConfiguration } from './configuration/load.ts';
import { loadApart } from './configuration/loader.ts';
import { collectWhenIdle } from './idle-memory.ts';
import { Log } from './log.ts';
import { numberAsWorker } from './net/connection-ids.ts';
import { ProxyServer } from './server.ts';
import { follow } from './workers/follower.ts';
import { whyNotShared } from './workers/leader.ts';
import { ownPlace } from './workers/threads.ts';

/** Reads the command line and does what it says; sets the exit status. */
async function main(): Promise<void> {
  const parsed = parseCommandLine('proxy', process.argv.slice(2), process.env);
  if ('print' in parsed) {
    process[parsed.to].write(parsed.print);
    process.exitCode = parsed.status;
    return;
  }
  const { options } = parsed;
  const log = openLog(options);
  if (log === undefined) return;
  if (options.mode === 'validate') await validate(options, log);
  else await serve(options, log);
}

function openLog(options: Options): Log | undefined {
  try {
    const log = new Log(options.logLevel, options.logPath);
    for (const [name, level] of options.componentLogLevels) log.levels.set(name, level);
    return log;
  } catch (error) {
    process.stderr.write(`error: unable to open log file '${options.logPath}': ${messageOf(error)}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

async function validate(options: Options, log: Log): Promise<void> {
  const path = options.configPath ?? '';
  try {
    const configuration = await load(options);
    // Compiling finds what the schema cannot: formats, regular expressions.
    new ProxyServer(configuration, options, log);
    process.stdout.write(`configuration '${path}' OK\n`);
  } catch (error) {
    log.critical('main', `error initializing configuration '${path}': ${messageOf(error)}`);
    process.exitCode = 1;
  }
}

async function serve(options: Options, log: Log): Promise<void> {
  try {
    log.info('main', `initializing epoch 0 (base id=${options.baseId}, hot restart version=disabled)`);
    const workers = await workerCount(options, log);
    numberAsWorker(0, workers);
    const server = new ProxyServer(await load(options), options, log, workers);
    const quit = quitter(server, log);
    await server.start(quit);
    if (options.mode === 'init_only') return await server.stop();
    collectWhenIdle();
    log.info('main', 'starting main dispatch loop');
  } catch (error) {
    log.critical('main', `error \`${messageOf(error)}\` initializing config '${options.configPath ?? ''}'`);
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** How many threads serve connections: one, unless more are asked for. */
async function workerCount({ concurrency = 1 }: Options, log: Log): Promise<number> {
  if (concurrency <= 1) return 1;
  const problem = await whyNotShared();
  if (problem === undefined) return concurrency;
  log.warning('main', `--concurrency ${concurrency}: workers cannot share a port here (${problem}), so one serves`);
  return 1;
}

function load({ configPath, configYaml }: Options): Promise<LoadedConfiguration> {
  return loadApart({ path: configPath, yaml: configYaml });
}

/** Ends the proxy on a signal, after requests that are under way, or at once by the admin interface or a second signal. */
function quitter(server: ProxyServer, log: Log): () => void {
  let quitting = false;
  const quit = (drainMs = 0) => {
    if (!quitting) log.info('main', 'shutting down server instance');
    quitting = true;
    // The answer to /quitquitquit leaves before its connection is cut.
    setImmediate(() => server.stop(drainMs).then(() => process.exit(0), fail));
  };
  process.on('SIGTERM', () => {
    log.warning('main', 'caught ENVOY_SIGTERM');
    if (!quitting) log.info('main', 'requests under way are finished first; a second signal ends at once');
    quit(quitting ? 0 : server.drainMs);
  });
  // Someone at a terminal wants it to end now, as Envoy does.
  process.on('SIGINT', () => {
    log.warning('main', 'caught ENVOY_SIGINT');
    quit(0);
  });
  process.on('SIGUSR1', () => server.reopenLogs());
  process.on('SIGHUP', () => log.info('main', 'caught and eating SIGHUP. See documentation for how to hot restart.'));
  return () => quit();
}

function fail(error: unknown): never {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const place = ownPlace();
if (place === undefined) main().catch(fail);
// Imported at once: what is imported later is bundled in a form that is slower to run.
else follow(place);
