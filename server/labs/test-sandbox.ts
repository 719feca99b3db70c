import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from '../agent/client.ts';
import { environmentSettings } from '../command-line.ts';
import { makeProvider } from '../providers/choose.ts';
import { type Provider, ProviderError, type ProviderName } from '../providers/provider.ts';

const limits = { memoryBytes: 384 << 20, processes: 256, diskBytes: 64 << 20, cpus: 2, openFiles: 1024 };

export interface TestSandbox {
  agent: AgentClient;
  /** Ends the sandbox and removes all that was made for it. */
  end(): Promise<void>;
}

/** Makes a sandbox of its own for `labs test`. @throws ProviderError with a remedy where this machine has none */
export async function makeTestSandbox(providerName: ProviderName): Promise<TestSandbox> {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-labs-'));
  const clean = () => rm(data, { recursive: true, force: true });
  try {
    const provider = await usableProvider(providerName, data);
    const id = `labs${randomBytes(8).toString('hex')}`;
    const sandbox = await provider.create({ id, home: id, limits, orphanTimeoutSeconds: 60 }, () => {});
    const end = async () => {
      await sandbox.end();
      await provider.removeHome(id);
      await clean();
    };
    try {
      const agent = await AgentClient.connect(await sandbox.connect());
      return {
        agent,
        end: async () => {
          agent.close();
          await end();
        },
      };
    } catch (error) {
      await end();
      throw error;
    }
  } catch (error) {
    await clean();
    throw error;
  }
}

async function usableProvider(name: ProviderName, data: string): Promise<Provider> {
  const provider = await makeProvider(name, { ...environmentSettings(process.env), data });
  const report = await provider.probe();
  if (report.usable) return provider;
  const missing = report.findings.find(finding => finding.state === 'missing');
  const detail = missing ? `${missing.subject}: ${missing.detail}` : 'this machine has no sandbox';
  throw new ProviderError('unusable', detail, missing?.remedy ?? 'npm start -- doctor tells more.');
}
