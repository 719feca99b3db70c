/**
 * The runtime folder: all that sandboxes see beside the system's programs and their own home. Made once for each content, never changed after, shared
 * read-only by every sandbox, so that running ones keep theirs through an update.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Entry, etcEntries } from './etc.ts';
import { keeperScript, limitedScript, whenReadyScript } from './keeper.ts';
import { programFolders, programLink } from './oci.ts';
import { agentFlags, allocatorVariables, boxPaths, cacheVariables, programFlags, worldUsers } from './specification.ts';

export interface RuntimeSources {
  /** The node binary. */
  node: string;
  /** Bundles: `agent`, and the programs of the learner's, such as `proxy` and `httpbin`. */
  agent: string;
  /** koffi's native file, which the agent loads. */
  koffi: string;
  programs: Record<string, string>;
}

type Plan = Map<string, Entry | { copy: string } | 'folder'>;

const agentBundle = 'agent/agent.cjs';

const launcher = (name: string): string =>
  `#!/bin/sh\nexec env ${[...allocatorVariables, ...cacheVariables].join(' ')} ${boxPaths.node} ${programFlags.join(' ')} ${boxPaths.runtime}/lib/${name}.cjs "$@"\n`;

/** The root of a level: empty folders to mount on, links to the system's programs. */
function addRoot(plan: Plan, level: 'box' | 'world', folders: string[]): void {
  for (const name of ['usr', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'opt/unicorn', 'root', 'var', ...folders])
    plan.set(`root/${level}/${name}`, 'folder');
  plan.set(`root/${level}/var/tmp`, { link: '../tmp' });
  plan.set(`root/${level}/var/run`, { link: '../run' });
  for (const name of programFolders.filter(folder => existsSync(`/${folder}`))) {
    const target = programLink(name);
    plan.set(`root/${level}/${name}`, target === undefined ? 'folder' : { link: target });
  }
}

/** Bundles that a program loads, or starts, from beside its own when it needs them. */
const programParts = ['cel', 'loader'];

async function planOf(sources: RuntimeSources): Promise<Plan> {
  const plan: Plan = new Map();
  plan.set('bin/node', { copy: sources.node });
  plan.set('bin/limited', { content: limitedScript, mode: 0o755 });
  plan.set('bin/when-ready', { content: whenReadyScript, mode: 0o755 });
  plan.set('libexec/keeper', { content: keeperScript, mode: 0o755 });
  plan.set(agentBundle, { content: await readFile(sources.agent) });
  plan.set('agent/koffi.node', { copy: sources.koffi });
  for (const [name, bundle] of Object.entries(sources.programs)) {
    plan.set(`lib/${name}.cjs`, { content: await readFile(bundle) });
    for (const part of programParts) {
      const file = bundle.replace(/\.cjs$/, `-${part}.cjs`);
      if (existsSync(file)) plan.set(`lib/${name}-${part}.cjs`, { content: await readFile(file) });
    }
    plan.set(`bin/${name}`, { content: launcher(name), mode: 0o755 });
  }
  for (const [path, entry] of etcEntries()) plan.set(`etc/${path}`, entry);
  addRoot(plan, 'box', ['unicorn/world', 'unicorn/events', 'unicorn/home']);
  addRoot(plan, 'world', ['home/learner']);
  return plan;
}

async function identity(plan: Plan): Promise<string> {
  const hash = createHash('sha256');
  for (const [path, entry] of plan) {
    hash.update(`\0${path}\0`);
    if (entry === 'folder') hash.update('folder');
    else if ('link' in entry) hash.update(`link ${entry.link}`);
    else if ('copy' in entry) {
      const { size, mtimeMs } = await stat(entry.copy);
      hash.update(`copy ${entry.copy} ${size} ${mtimeMs}`);
    } else hash.update(`${entry.mode ?? 0}`).update(entry.content);
  }
  return hash.digest('hex').slice(0, 16);
}

/** A hard link where the file system lets us have one, else a copy. */
async function take(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    await copyFile(source, target);
    await chmod(target, 0o755);
  }
}

async function write(folder: string, plan: Plan): Promise<void> {
  for (const [path, entry] of plan) {
    const target = join(folder, path);
    await mkdir(entry === 'folder' ? target : dirname(target), { recursive: true });
    if (entry === 'folder') continue;
    if ('link' in entry) await symlink(entry.link, target);
    else if ('copy' in entry) await take(entry.copy, target);
    else {
      await writeFile(target, entry.content);
      await chmod(target, entry.mode ?? 0o644);
    }
  }
}

/**
 * Lets V8 keep the compiled form of the programs, which takes a quarter off the time that they take to start. It is taken only by a V8 with the same
 * flags. A program that does not go along only starts slower.
 */
async function fillCache(folder: string, programs: string[]): Promise<void> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache'), NODE_COMPILE_CACHE_PORTABLE: '1' };
  await mkdir(join(folder, 'cache'));
  const runs = programs.map(program => {
    const flags = program === agentBundle ? agentFlags : programFlags;
    const args = [...flags, join(folder, program), '--version'];
    return promisify(execFile)(join(folder, 'bin/node'), args, { env, timeout: 5000 });
  });
  await Promise.allSettled(runs);
  // The cache's folder is named for the user that filled it; those who read it have other numbers.
  for (const made of await readdir(join(folder, 'cache')))
    for (const user of Object.values({ agent: 0, ...worldUsers })) {
      const name = made.replace(/-\d+$/, `-${user}`);
      if (!existsSync(join(folder, 'cache', name))) await symlink(made, join(folder, 'cache', name));
    }
  await promisify(execFile)('chmod', ['-R', 'a+rX,go-w', join(folder, 'cache')]);
}

/** @throws where somebody else could change what sandboxes run */
async function refuseForeign(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  if (uid !== process.getuid?.() || mode & 0o022)
    throw new Error(`${folder} can be written by others than its owner: chmod go-w it, or choose another data folder`);
}

/** Makes the runtime folder below `parent` if it is not there; answers its path. */
export async function prepareRuntime(parent: string, sources: RuntimeSources): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o755 });
  await refuseForeign(parent);
  const plan = await planOf(sources);
  const folder = join(parent, await identity(plan));
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.new-${process.pid}`;
  const before = process.umask(0o022);
  try {
    await write(fresh, plan);
    await fillCache(fresh, [agentBundle, ...[...plan.keys()].filter(path => /^lib\/.*\.cjs$/.test(path))]);
    await rename(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    process.umask(before);
    await rm(fresh, { recursive: true, force: true });
  }
  return folder;
}
