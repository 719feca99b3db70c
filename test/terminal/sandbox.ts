/** A real sandbox for tests, by the local provider. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AgentClient } from '../../server/agent/client.ts';
import { LocalProvider } from '../../server/providers/local/provider.ts';
import type { Sandbox, SandboxLimits } from '../../server/providers/provider.ts';

const top = resolve(import.meta.dirname, '../..');
const programs = {
  proxy: 'proxy/dist/proxy.cjs',
  httpbin: 'images/dist/httpbin.cjs',
  'rate-limit': 'images/dist/rate-limit.cjs',
};

export interface TestSandbox {
  sandbox: Sandbox;
  connect(): Promise<AgentClient>;
  /** The folder in which the provider keeps its things. */
  data: string;
  end(): Promise<void>;
}

/** Why no sandbox can be made here, or undefined where one can. */
export async function whyNoSandbox(): Promise<string | undefined> {
  const data = mkdtempSync(join(tmpdir(), 'probe-'));
  try {
    const report = await new LocalProvider({ data, sources: sources() }).probe();
    return report.usable ? undefined : report.findings.find(finding => finding.state === 'missing')?.detail;
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

function sources() {
  const built = Object.entries(programs).filter(([, path]) => existsSync(join(top, path)));
  const koffi = createRequire(import.meta.url).resolve(`@koromix/koffi-linux-${process.arch}/package.json`);
  return {
    node: join(top, 'node_modules/node/bin/node'),
    agent: join(top, 'images/dist/agent.cjs'),
    koffi: join(koffi, `../linux_${process.arch}/koffi.node`),
    programs: Object.fromEntries(built.map(([name, path]) => [name, join(top, path)])),
  };
}

/** Makes a sandbox with a freshly bundled agent. */
export async function makeSandbox(orphanTimeoutSeconds = 60, own: Partial<SandboxLimits> = {}): Promise<TestSandbox> {
  execFileSync(process.execPath, [join(top, 'server/setup/bundle.mjs'), 'agent'], { stdio: 'inherit' });
  const data = mkdtempSync(join(tmpdir(), 'terminal-'));
  const provider = new LocalProvider({ data, sources: sources() });
  const id = `test${process.pid}${Date.now()}`;
  const limits = { memoryBytes: 512 << 20, processes: 200, diskBytes: 64 << 20, cpus: 2, openFiles: 1024, ...own };
  const sandbox = await provider.create({ id, home: id, limits, orphanTimeoutSeconds }, () => {});
  return {
    sandbox,
    data,
    connect: async () => AgentClient.connect(await sandbox.connect()),
    end: async () => {
      await sandbox.end();
      rmSync(data, { recursive: true, force: true });
    },
  };
}
