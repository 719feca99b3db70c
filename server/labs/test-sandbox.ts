import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from '../agent/client.ts';
import { environmentSettings } from '../command-line.ts';
import { makeProvider } from '../providers/choose.ts';
import { type Provider, ProviderError, type ProviderName, type ProviderReport } from '../providers/provider.ts';

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

/** Makes a sandbox of its own for `labs test`. @throws ProviderError with a remedy where this machine has none */
export async function makeTestSandbox(providerName: ProviderName): Promise<TestSandbox> {
  const sandboxes = await openTestSandboxes(providerName);
  try {
    const { agent, end } = await sandboxes.make();
    const endAll = async () => {
      await end();
      await sandboxes.end();
    };
    return { agent, end: endAll };
  } catch (error) {
    await sandboxes.end();
    throw error;
  }
}

/** Tries the provider with a data folder of its own. @throws ProviderError with a remedy where this machine has none */
export async function openTestSandboxes(providerName: ProviderName): Promise<TestSandboxes> {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-labs-'));
  const end = () => rm(data, { recursive: true, force: true });
  try {
    const provider = await makeProvider(providerName, { ...environmentSettings(process.env), data });
    const { maximumSandboxes } = usable(await provider.probe());
    return { maximum: maximumSandboxes, make: () => makeSandbox(provider), end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function makeSandbox(provider: Provider): Promise<TestSandbox> {
  const id = `labs${randomBytes(8).toString('hex')}`;
  const sandbox = await provider.create({ id, home: id, limits, orphanTimeoutSeconds: 60 }, () => {});
  const end = async () => {
    await sandbox.end();
    await provider.removeHome(id);
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
