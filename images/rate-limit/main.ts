/** A rate limit service: proxies ask it, and it tells each decision in the terminal where it runs. */
import { begin, fail, goOn, listen } from '../program.ts';
import { help, type Options, parseCommandLine } from './command-line.ts';
import { ConfigurationError } from './configuration.ts';
import { ConfigurationFile } from './configuration-file.ts';
import { Counters } from './counters.ts';
import { decisionLine } from './decision-line.ts';
import { type Decision, Decisions } from './decisions.ts';
import { rateLimitServer } from './server.ts';

const name = 'rate-limit';

function start(options: Options): void {
  try {
    run(options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    fail(name, error.message, 2);
  }
}

function run(options: Options): void {
  const file = new ConfigurationFile(options.path);
  const counters = new Counters(options.windows === 'start' ? Date.now() / 1000 : 0);
  const decisions = new Decisions(file.read(), counters);
  const { server, close } = rateLimitServer(decisions, tell);
  server.on('error', () => file.stop());
  listen(name, server, options, port =>
    process.stdout.write(`${name} listens on ${options.host}:${port} by gRPC, with the limits of ${options.path}\n`),
  );
  file.watch({
    onChanged: configuration => {
      decisions.configuration = configuration;
      process.stdout.write(`${options.path} changed: its limits hold from now on\n`);
    },
    onRefused: ({ message }) => process.stderr.write(`${name}: ${message}; the limits before stay\n`),
  });
  goOn(() => {
    file.stop();
    close();
    process.exit(0);
  });
}

function tell(made: readonly Decision[]): void {
  const time = new Date().toISOString().slice(11, 19);
  for (const decision of made) process.stdout.write(`${time} ${decisionLine(decision)}\n`);
}

begin({ name, help, parse: parseCommandLine, run: start });
