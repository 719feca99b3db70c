/** The folder that the sandbox's image is built from, as a stream; and the name that its content gives the image. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { learnerPrograms } from '../setup/bundle.mjs';
import { type Architecture, imagePrograms } from './programs.ts';

const top = resolve(import.meta.dirname, '../..');
const folder = join(top, 'images/sandbox');

/** A file of the context: of the repo's, or made here. */
export type Entry = { path: string } | { content: string };

export interface BuildContext {
  /** 12 hexadecimal digits: the same for the same content. */
  revision: string;
  /** The context as a tar archive; may be read once for each call. */
  archive(): Readable;
}

const sandboxPrograms = ['proxy', ...learnerPrograms];

/** What the box program is asked in the image, to make the runtime folder. */
const prepare = JSON.stringify({
  id: 1,
  method: 'prepare',
  params: {
    folder: '/opt/runtimes',
    sources: {
      node: '/programs/node',
      agent: '/programs/agent.cjs',
      koffi: '/programs/koffi.node',
      programs: Object.fromEntries(sandboxPrograms.map(name => [name, `/programs/${name}.cjs`])),
    },
  },
});

interface Tool {
  package: string;
  for: string[];
}

/** Debian's packages in the image (images/tools.json). */
export async function toolPackages(): Promise<string[]> {
  const tools = JSON.parse(await readFile(join(top, 'images/tools.json'), 'utf8')) as Tool[];
  return tools
    .filter(tool => tool.for.includes('image'))
    .map(tool => tool.package)
    .sort();
}

/** The context of the sandbox's image for a kind of processor. @throws where the programs are not bundled */
export async function sandboxContext(architecture: Architecture): Promise<BuildContext> {
  const programs = await imagePrograms(architecture);
  const missing = Object.values(programs).filter(path => !existsSync(path));
  if (missing.length > 0) throw new Error(`not built: ${missing.join(', ')}; run: node server/setup/bundle.mjs`);
  const entries = new Map<string, Entry>([
    ['Dockerfile', { path: join(folder, 'Dockerfile') }],
    ['packages', { content: `${(await toolPackages()).join('\n')}\n` }],
    ['programs/entry', { path: join(folder, 'entry') }],
    ['programs/prepare.json', { content: `${prepare}\n` }],
    ...Object.entries(programs).map(([name, path]): [string, Entry] => [`programs/${name}`, { path }]),
  ]);
  return contextOf(entries);
}

/** These files as a context. */
export async function contextOf(entries: Map<string, Entry>): Promise<BuildContext> {
  return { revision: await revisionOf(entries), archive: () => archiveOf(entries) };
}

async function revisionOf(entries: Map<string, Entry>): Promise<string> {
  const hash = createHash('sha256');
  for (const [name, entry] of entries) {
    hash.update(`\0${name}\0`);
    if ('content' in entry) hash.update(entry.content);
    else for await (const chunk of createReadStream(entry.path)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex').slice(0, 12);
}

/** With a time that never changes, so that the same content makes the same layers. */
const header = (name: string, size: number) => ({ name, size, mode: 0o755, mtime: new Date(0) });

function archiveOf(entries: Map<string, Entry>): Readable {
  const archive = pack();
  const fill = async (): Promise<void> => {
    for (const [name, entry] of entries) {
      if ('content' in entry) archive.entry(header(name, Buffer.byteLength(entry.content)), entry.content);
      else await pipeline(createReadStream(entry.path), archive.entry(header(name, (await stat(entry.path)).size)));
    }
    archive.finalize();
  };
  fill().catch(error => archive.destroy(error as Error));
  return archive as unknown as Readable;
}
