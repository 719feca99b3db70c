/** The AppArmor profile of the sandboxes' containers. docker-default lets nobody make namespaces, so it is ours where that can be loaded, else none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { DockerEndpoint } from '../../docker/endpoint.ts';
import type { Finding } from '../provider.ts';
import type { DaemonInfo } from './doctor.ts';

export interface Apparmor {
  /** For the container's options; undefined where the daemon has no AppArmor. */
  profile: string | undefined;
  finding: Finding | undefined;
}

const name = 'unicorn-sandbox';
const file = join(import.meta.dirname, '../../../images/sandbox/apparmor');
const parsers = ['/sbin/apparmor_parser', '/usr/sbin/apparmor_parser', '/usr/bin/apparmor_parser'];
const loadMs = 20_000;

/** Loads our profile where this is the daemon's machine and we are root there; answers what containers get, and what doctor says of it. */
export async function prepareApparmor(info: DaemonInfo, { host }: DockerEndpoint): Promise<Apparmor> {
  if (!info.SecurityOptions?.some(option => option.includes('apparmor')))
    return { profile: undefined, finding: undefined };
  const reason =
    host.startsWith('unix://') && info.KernelVersion === release() ? await load() : 'the daemon is on another machine';
  if (reason === undefined)
    return { profile: name, finding: { subject: 'AppArmor', state: 'works', detail: `the profile ${name} holds` } };
  const detail = `sandboxes run without a profile (${reason}); seccomp and dropped capabilities hold`;
  return { profile: 'unconfined', finding: { subject: 'AppArmor', state: 'works', detail } };
}

/** Loads it into the kernel; answers why not, if so. */
async function load(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can load one';
  const parser = parsers.find(existsSync);
  if (!parser) return 'apparmor_parser is not installed';
  const text = await readFile(file, 'utf8');
  const complaint = await parse(parser, text);
  if (complaint === undefined) return undefined;
  // Before version 4 the parser does not know the word, and the kernel lets all make user namespaces.
  return /userns/.test(complaint) || /syntax error/.test(complaint)
    ? parse(parser, text.replace(/^ *userns,\n/m, ''))
    : complaint;
}

async function parse(parser: string, text: string): Promise<string | undefined> {
  const child = spawn(parser, ['--replace', '--skip-cache'], { stdio: ['pipe', 'ignore', 'pipe'], timeout: loadMs });
  let said = '';
  child.stderr.on('data', chunk => (said += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(text);
  try {
    const [status] = await once(child, 'close');
    return status === 0 ? undefined : `apparmor_parser: ${said.trim().split('\n').at(-1) ?? status}`;
  } catch (error) {
    return (error as Error).message;
  }
}
