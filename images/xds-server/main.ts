/** A control plane to look into: gives a folder of resources to proxies, and says what they answer. */
import { statSync } from 'node:fs';
import { begin, fail, goOn, listenFailure, type Place, portOf, readArguments } from '../program.ts';
import { printable, type Tone, wordsOf, type XdsEvent } from './events.ts';
import { Folder } from './folder.ts';
import { kinds } from './kinds.ts';
import { XdsServer } from './server.ts';

const files = kinds.map(({ name, file, schema }) => `    ${file.padEnd(16)} ${name}  ${schema.name}`).join('\n');
const help = `xds-server is a control plane: it gives proxies what stands in a folder, and again whenever that changes.

  xds-server FOLDER [--port 18000] [--host 127.0.0.1]

  The folder has a list of resources for each kind; a file that is not there is an empty one.
${files}

  Proxies ask by gRPC, in one stream for all kinds (ADS) or one for each, as GRPC or DELTA_GRPC.
  It logs what they ask for, what they are sent, and whether they take it (ACK) or not (NACK), with their reason.
`;

const name = 'xds-server';
const colours: Record<Tone, string> = { plain: '', good: '\u001b[32m', bad: '\u001b[31m', faint: '\u001b[2m' };
const plain = '\u001b[0m';

interface Options extends Place {
  /** What stands before the options: one folder is right. */
  folders: string[];
}

function parse(args: string[]): Options | null {
  const options = {
    port: { type: 'string', default: '18000' },
    host: { type: 'string', default: '127.0.0.1' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readArguments({ args, options, allowPositionals: true });
  return values.help ? null : { folders: positionals, host: values.host, port: portOf(values.port) };
}

function run({ folders: [path, ...more], ...place }: Options): void {
  if (path === undefined || more.length > 0) complain(new Error('name one folder: xds-server FOLDER'));
  else void serve(path, place).catch(complain);
}

function complain(error: unknown): void {
  fail(name, error instanceof Error ? error.message : String(error));
}

async function serve(path: string, place: Place): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Error(`${path} is no folder`);
  const folder = new Folder(path);
  const server = new XdsServer(say);
  const update = (): void => {
    const { resources, mistakes } = folder.read();
    server.publish(resources);
    for (const [kind, reason] of mistakes) say({ type: 'unreadable', kind, version: server.version(kind), reason });
  };
  const taken = await server.listen(place.port, place.host).catch((error: Error) => {
    throw new Error(listenFailure(error, place));
  });
  folder.watch(update, error => {
    complain(error);
    process.exit();
  });
  process.stdout.write(`${name} gives ${path} on ${place.host}:${taken}\n`);
  update();
  goOn();
}

function say(event: XdsEvent): void {
  const { text, tone } = wordsOf(event);
  const time = new Date().toISOString().slice(11, 23);
  const lines = text.split('\n').map(printable).join('\n');
  const colour = process.stdout.isTTY ? colours[tone] : '';
  process.stdout.write(`${time} ${colour}${lines}${colour === '' ? '' : plain}\n`);
}

begin({ name, help, parse, run });
