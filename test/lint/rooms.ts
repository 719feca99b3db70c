/** Which room of the house may import from which: proxy and control plane stay programs of their own, labs stay content. */
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { filesWith, top } from './files.ts';

/** One import of one file. */
export interface Import {
  file: string;
  line: number;
  /** The path from the top of what is imported. */
  target: string;
  /** `import type`: nothing of it is there at run time. */
  types: boolean;
}

const rooms = ['proxy', 'control-plane', 'server', 'images', 'web', 'labs', 'test'] as const;
type Room = (typeof rooms)[number];

/** What a room may import besides its own files, and why the rest stays out. */
const rules: Record<Room, { allows: (found: Import) => boolean; because: string }> = {
  proxy: { allows: () => false, because: 'the proxy is a program of its own' },
  'control-plane': {
    allows: ({ target }) => target.startsWith('proxy/api/'),
    because: 'the control plane knows nothing of the repo but the generated types in proxy/api',
  },
  server: {
    allows: ({ target }) => target.startsWith('images/agent/protocol/'),
    because: "the server knows nothing of the other rooms but the agent's protocol",
  },
  images: {
    allows: ({ target }) => !/^(server|web)\//.test(target),
    because: 'what is put into a sandbox knows nothing of server and pages',
  },
  web: {
    allows: ({ target, types }) =>
      (target === 'server/api.ts' && types) || target === 'images/agent/protocol/terminal.ts',
    because: "the pages know the types of the server's API and the terminal's messages, nothing else",
  },
  labs: { allows: () => false, because: 'labs are content' },
  test: { allows: () => true, because: '' },
};

const statement = /\b(import|export)(\s+type)?\s(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

/** The imports of one file that stay within the repo. */
export function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(statement)].flatMap(found => {
    const path = found[3] ?? found[4] ?? '';
    if (!path.startsWith('.')) return [];
    const line = source.slice(0, found.index).split('\n').length;
    return [{ file, line, target: posix.join(posix.dirname(file), path), types: found[2] !== undefined }];
  });
}

/** Parts of the proxy that run in programs of their own, or are loaded when they are needed: these may have the schema. */
const withSchema = /^proxy\/(api|api-generation|cel|configuration)\/|\.test\.ts$/;

/** Why an import is not allowed, or null. */
export function judge(found: Import): string | null {
  if (found.file.startsWith('proxy/') && /_pb\.js$/.test(found.target) && !found.types && !withSchema.test(found.file))
    return `${found.file}:${found.line}: imports ${found.target}; the schema takes 5 MB, so that only the loader has it`;
  const room = rooms.find(name => found.file.startsWith(`${name}/`));
  if (!room || found.target.startsWith(`${room}/`)) return null;
  // a test beside the code may use what tests share
  if (/\.test\.tsx?$/.test(found.file) && found.target.startsWith('test/fixtures/')) return null;
  const rule = rules[room];
  return rule.allows(found) ? null : `${found.file}:${found.line}: imports ${found.target}; ${rule.because}`;
}

/** All imports of the repo that are not allowed. */
export async function checkRooms(): Promise<string[]> {
  const problems: string[] = [];
  for (const file of await filesWith(/\.(ts|tsx|mjs)$/)) {
    const imports = importsOf(file, await readFile(join(top, file), 'utf8'));
    problems.push(...imports.map(judge).filter(problem => problem !== null));
  }
  return problems;
}
