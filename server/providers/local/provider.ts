/** Sandboxes on this machine, by the box program. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { totalmem } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { learnerPrograms } from '../../setup/bundle.mjs';
import {
  type Finding,
  type Provider,
  ProviderError,
  type ProviderReport,
  type Sandbox,
  type SandboxLimits,
  type SandboxRequest,
  type TellProgress,
} from '../provider.ts';
import { BoxProgram, type RuntimeSources } from './box.ts';
import { firstFindings, homeFinding, idFinding, limitFinding, trialFinding } from './doctor.ts';

export interface LocalProviderOptions {
  /** The data folder: `sandboxes`, `homes` and `runtimes` are made in it. */
  data: string;
  /** Programs of the sandboxes other than the built ones, for tests. */
  sources?: RuntimeSources;
}

const top = resolve(import.meta.dirname, '../../..');
const connectTimeoutMs = 5_000;
const trialLimits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 100,
  diskBytes: 16 << 20,
  cpus: 1,
  openFiles: 256,
};

/** Where the programs of the sandboxes are once they are built. */
function builtSources(): RuntimeSources {
  const require = createRequire(import.meta.url);
  const koffi = `@koromix/koffi-linux-${process.arch}`;
  return {
    node: join(top, 'node_modules/node/bin/node'),
    agent: join(top, 'images/dist/agent.cjs'),
    koffi: join(require.resolve(`${koffi}/package.json`), `../linux_${process.arch}/koffi.node`),
    programs: {
      proxy: join(top, 'proxy/dist/proxy.cjs'),
      ...Object.fromEntries(learnerPrograms.map(name => [name, join(top, 'images/dist', `${name}.cjs`)])),
    },
  };
}

/** What a sandbox takes of the machine's memory at the least, with agent and shells. */
const leastMemory = 48 << 20;
const roomInMemory = (): number => Math.max(1, Math.floor((totalmem() * 0.75) / leastMemory));

const trialName = 'trial';
const validName = /^[a-z0-9]{8,40}$/;

export class LocalProvider implements Provider {
  readonly name = 'local';
  #data: string;
  #sources: RuntimeSources | undefined;
  #box = new BoxProgram();
  #runtime: Promise<string> | undefined;
  #report: Promise<ProviderReport> | undefined;
  #trials = 0;
  /** Sandboxes that are being made. */
  #making = new Set<string>();

  constructor(options: LocalProviderOptions) {
    this.#data = resolve(options.data);
    this.#sources = options.sources;
  }

  get #sandboxes(): string {
    return join(this.#data, 'sandboxes');
  }
  get #homes(): string {
    return join(this.#data, 'homes');
  }
  get #runtimes(): string {
    return join(this.#data, 'runtimes');
  }

  async probe(): Promise<ProviderReport> {
    const report = this.#probe().catch((error: Error) => this.#broken(error));
    this.#report = report;
    return report;
  }

  async #probe(): Promise<ProviderReport> {
    const first = firstFindings();
    if (first.some(finding => finding.state === 'missing')) return this.#conclude(first, 0);
    const { limits, ranges } = await this.#box.call('support', {});
    const facts = [...first, idFinding(ranges), limitFinding(limits), homeFinding(this.#homes)];
    if (ranges === 0) return this.#conclude(facts, 0);
    return this.#conclude(
      [...facts, await this.#trial()],
      limits.kind === 'none' ? 1 : Math.min(ranges, roomInMemory()),
    );
  }

  #conclude(findings: Finding[], maximumSandboxes: number): ProviderReport {
    const usable = findings.every(finding => finding.state !== 'missing');
    return { provider: this.name, usable, maximumSandboxes: usable ? maximumSandboxes : 0, findings };
  }

  #broken(error: Error): ProviderReport {
    const full = 'code' in error && error.code === 'ENOSPC';
    const room = full ? `make room on the disk of ${this.#data}; about 150 MB are needed there` : undefined;
    const remedy = room ?? (error instanceof ProviderError ? error.remedy : undefined);
    const finding: Finding = { subject: 'trial', state: 'missing', detail: error.message };
    return this.#conclude([remedy ? { ...finding, remedy } : finding], 0);
  }

  async #trial(): Promise<Finding> {
    const started = performance.now();
    const id = `${trialName}${process.pid}x${++this.#trials}`.padEnd(8, '0');
    const trial = await this.#box.call('trial', await this.#specification({ ...trialRequest, id, home: id }));
    return trialFinding({ ...trial, ms: Math.round(performance.now() - started) });
  }

  async #specification(request: SandboxRequest) {
    const { id, home, limits, orphanTimeoutSeconds } = request;
    const places = { runFolder: join(this.#sandboxes, id), homeFile: join(this.#homes, `${home}.tar`) };
    return { id, ...places, runtime: await this.#prepared(), limits, orphanTimeoutSeconds };
  }

  /** The runtime folder, made once; a failure is tried again. */
  #prepared(): Promise<string> {
    this.#runtime ??= this.#prepare().catch(error => {
      this.#runtime = undefined;
      throw error;
    });
    return this.#runtime;
  }

  async #prepare(): Promise<string> {
    const sources = this.#sources ?? builtSources();
    const { node, agent, koffi, programs } = sources;
    const missing = [node, agent, koffi, ...Object.values(programs)].filter(path => !existsSync(path));
    if (missing.length > 0)
      throw new ProviderError('unusable', `not built: ${missing.join(', ')}`, 'node server/setup/bundle.mjs');
    for (const folder of [this.#data, this.#sandboxes, this.#homes])
      await mkdir(folder, { recursive: true, mode: 0o700 });
    return (await this.#box.call('prepare', { folder: this.#runtimes, sources })).runtime;
  }

  async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    for (const name of [request.id, request.home])
      if (!validName.test(name)) throw new ProviderError('failed', `${JSON.stringify(name)} is no name of a sandbox`);
    this.#making.add(request.id);
    try {
      progress('Looking for a place');
      await this.#admit();
      progress('Making the sandbox');
      await this.#box.call('create', await this.#specification(request));
      return this.#sandbox(request.id, request.home);
    } finally {
      this.#making.delete(request.id);
    }
  }

  /** @throws ProviderError where no sandbox can be made, or none more */
  async #admit(): Promise<void> {
    const known = await this.#report;
    const report = known?.usable ? known : await this.probe();
    const problem = report.findings.find(finding => finding.state === 'missing');
    if (problem) throw new ProviderError('unusable', problem.detail, problem.remedy);
    const others = (await this.#living()).filter(({ id }) => !this.#making.has(id)).length;
    if (others + this.#making.size <= report.maximumSandboxes) return;
    const why = report.findings.find(finding => finding.subject === 'limits' && finding.state === 'limited');
    const full =
      report.maximumSandboxes === 1
        ? 'the one sandbox that this machine can have is in use'
        : `all ${report.maximumSandboxes} sandboxes that this machine can have are in use`;
    throw new ProviderError('no-capacity', why ? `${full}: ${why.detail}` : full, why?.remedy);
  }

  async find(): Promise<Sandbox[]> {
    return (await this.#living()).map(({ id, homeFile }) => this.#sandbox(id, basename(homeFile, '.tar')));
  }

  /** Those of learners: a trial, this server's or a doctor's, is nobody's and takes no place. */
  async #living(): Promise<{ id: string; homeFile: string }[]> {
    const { sandboxes } = await this.#box.call('list', { sandboxes: this.#sandboxes });
    return sandboxes.filter(({ id }) => !id.startsWith(trialName));
  }

  async sweep(): Promise<void> {
    // The runtime of now is made, or found, first: it is not swept away just before it is needed. Where it cannot be made, `probe` tells why.
    const keep = await this.#prepared().then(
      runtime => [runtime],
      () => [],
    );
    await this.#box.call('sweep', { sandboxes: this.#sandboxes, runtimes: this.#runtimes, keep });
  }

  async removeHome(home: string): Promise<void> {
    if (!validName.test(home)) throw new ProviderError('failed', `${JSON.stringify(home)} is no name of a home`);
    for (const name of [`${home}.tar`, `${home}.tar.new`]) await rm(join(this.#homes, name), { force: true });
  }

  #sandbox(id: string, home: string): Sandbox {
    const runFolder = join(this.#sandboxes, id);
    return {
      id,
      home,
      connect: () => connect(runFolder),
      end: async () => void (await this.#box.call('end', { runFolder })),
    };
  }
}

const trialRequest = { limits: trialLimits, orphanTimeoutSeconds: 5 };

/** A new stream to the agent. By way of a descriptor, since a socket's address may have 107 bytes only. */
function connect(runFolder: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(new ProviderError('failed', `the sandbox is gone: ${error.message}`));
    if (!existsSync(runFolder)) return failed(new Error('it was removed'));
    const folder = openSync(runFolder, 'r');
    const socket = createConnection(`/proc/self/fd/${folder}/agent.sock`);
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), connectTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      closeSync(folder);
      socket.off('error', failed);
    };
    socket.once('error', settle).once('error', failed);
    socket.once('connect', () => {
      socket.off('error', settle);
      settle();
      resolve(socket);
    });
  });
}
