import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from '../agent/client.ts';
import { environmentSettings } from '../command-line.ts';
import { tryLockFolder } from '../data-lock.ts';
import { makeProvider } from '../providers/choose.ts';
import { type Provider, ProviderError, type ProviderName, type ProviderReport } from '../providers/provider.ts';

/** A folder that is younger may belong to a run that has not locked it yet. */
const freshMs = 60_000;
const limits = { memoryBytes: 384 << 20, processes: 256, diskBytes: 64 << 20, cpus: 2, openFiles: 1024 };

export interface TestSandbox {
  agent: AgentClient;
  /** Ends the sandbox and removes all that was made for it. */
  end(): Promise<void>;
}

/** Makes sandboxes that belong to no server. */
export interface TestSandboxes {
  /** How many may run at once. */
  maximum: number;
  /** @throws ProviderError */
  make(): Promise<TestSandbox>;
  /** Removes what was made for all; each sandbox is ended before. */
  end(): Promise<void>;
}

/** Tries the provider with a data folder of its own. @throws ProviderError with a remedy where this machine has none */
export async function openTestSandboxes(providerName: ProviderName): Promise<TestSandboxes> {
  await removeLeft(providerName);
  const data = await mkdtemp(join(tmpdir(), prefixOf(providerName)));
  const unlock = tryLockFolder(data);
  await mkdir(madeIn(data));
  const end = async () => {
    unlock?.();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const provider = await providerOf(providerName, data);
    const { maximumSandboxes } = usable(await provider.probe());
    return { maximum: maximumSandboxes, make: () => makeSandbox(provider, data), end };
  } catch (error) {
    await end();
    throw error;
  }
}

const prefixOf = (providerName: ProviderName): string => `unicorn-labs-${providerName}-`;
/** In it a file is named for each sandbox, from before it is made until nothing of it is left. */
const madeIn = (data: string): string => join(data, 'made');
const providerOf = (providerName: ProviderName, data: string): Promise<Provider> =>
  makeProvider(providerName, { ...environmentSettings(process.env), data });

/** Removes what runs before have left that were killed. Who runs has its folder locked, or made it just now. */
async function removeLeft(providerName: ProviderName): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefixOf(providerName))) continue;
    const data = join(tmpdir(), name);
    const found = await unlessGone(stat(data));
    if (found === null || found.uid !== process.getuid?.() || Date.now() - found.mtimeMs < freshMs) continue;
    const unlock = tryLockFolder(data);
    if (!unlock) continue;
    try {
      await removeAll(await providerOf(providerName, data), (await unlessGone(readdir(madeIn(data)))) ?? []);
      await rm(data, { recursive: true, force: true });
    } finally {
      unlock();
    }
  }
}

/** Null where another run has removed it meanwhile. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function removeAll(provider: Provider, ids: string[]): Promise<void> {
  for (const sandbox of await provider.find()) await sandbox.end();
  await provider.sweep();
  for (const id of ids) await provider.removeHome(id);
}

async function makeSandbox(provider: Provider, data: string): Promise<TestSandbox> {
  const id = `labs${randomBytes(8).toString('hex')}`;
  const note = join(madeIn(data), id);
  await writeFile(note, '');
  const sandbox = await provider.create({ id, home: id, limits, orphanTimeoutSeconds: 60 }, () => {});
  const end = async () => {
    await sandbox.end();
    await provider.removeHome(id);
    await rm(note);
  };
  try {
    const agent = await AgentClient.connect(await sandbox.connect());
    const close = async () => {
      agent.close();
      await end();
    };
    return { agent, end: close };
  } catch (error) {
    await end();
    throw error;
  }
}

function usable(report: ProviderReport): ProviderReport {
  if (report.usable) return report;
  const missing = report.findings.find(finding => finding.state === 'missing');
  const detail = missing ? `${missing.subject}: ${missing.detail}` : 'this machine has no sandbox';
  throw new ProviderError('unusable', detail, missing?.remedy ?? 'npm start -- doctor tells more.');
}
