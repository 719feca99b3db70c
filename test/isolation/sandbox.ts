/** Sandboxes for tests: made by the real provider with the real agent, attacked from the learner's place, and gone without a trace after. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, type TestContext } from 'node:test';
import { encodeHead, type Frame, FrameParser, kind } from '../../images/agent/protocol/frames.ts';
import type { MethodName, Methods } from '../../images/agent/protocol/messages.ts';
import { environmentSettings } from '../../server/command-line.ts';
import { makeProvider } from '../../server/providers/choose.ts';
import type {
  Provider,
  ProviderName,
  ProviderReport,
  Sandbox,
  SandboxLimits,
} from '../../server/providers/provider.ts';
import { type Outside, outsideOf } from './outside.ts';

export const limits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 160,
  diskBytes: 24 << 20,
  cpus: 1,
  openFiles: 512,
};

export type Result = Methods['execute']['result'];

/** What the same tests are run on. */
export const providerName = (process.env.UNICORN_TEST_PROVIDER ?? 'local') as ProviderName;
const image = process.env.UNICORN_IMAGE ?? null;

/** Of a cluster only the one that is named for tests: never somebody's own. */
function testSettings(): ReturnType<typeof environmentSettings> {
  if (providerName === 'kubernetes')
    Object.assign(process.env, {
      KUBECONFIG: process.env.UNICORN_TEST_KUBECONFIG ?? '/no/kubeconfig/for/tests',
      UNICORN_NAMESPACE: `unicorn-isolation-${process.pid}`,
    });
  return environmentSettings(process.env);
}

let count = 0;
const name = (kind: string): string => `${kind}${process.pid}x${count++}`.padEnd(8, '0');

/** A call to the agent on a stream of its own. */
function call<M extends MethodName>(
  stream: Duplex,
  method: M,
  params: Methods[M]['params'],
): Promise<Methods[M]['result']> {
  const send = (id: number, value: object): void => {
    const body = Buffer.from(JSON.stringify(value));
    stream.write(Buffer.concat([encodeHead(id, kind.open, body.length), body]));
  };
  send(0, { protocol: 1 });
  send(1, { method, params });
  return new Promise((resolve, reject) => {
    const parser = new FrameParser();
    const take = (frame: Frame): void => {
      if (frame.stream !== 1) return;
      const value = JSON.parse(frame.body.toString() || '{}');
      if (frame.kind === kind.end) resolve(value);
      if (frame.kind === kind.error) reject(new Error(`${value.code}: ${value.message}`));
    };
    stream.on('data', (chunk: Buffer) => parser.push(chunk).forEach(take));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the agent hung up')));
  });
}

/** A sandbox with a learner in it. */
export class Learner {
  readonly sandbox: Sandbox;
  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  async ask<M extends MethodName>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    const stream = await this.sandbox.connect();
    try {
      return await call(stream, method, params);
    } finally {
      stream.destroy();
    }
  }

  /** Runs a script of bash as the learner would. */
  run(script: string, timeoutMs = 20_000): Promise<Result> {
    const command = ['bash', '-c', script];
    return this.ask('execute', { command, user: 'learner', timeoutMs, maximumOutput: 64 * 1024 });
  }

  /** The output of a script that goes well. */
  async said(script: string): Promise<string> {
    const { exitStatus, standardOutput, standardError } = await this.run(script);
    if (exitStatus !== 0) throw new Error(`status ${exitStatus}: ${standardOutput}${standardError}`);
    return standardOutput.trim();
  }

  /** That this sandbox works as if nobody else was there. */
  async isWell(): Promise<void> {
    const answer = await this.said('echo well > ~/.well && cat ~/.well');
    if (answer !== 'well') throw new Error(`the neighbour said ${JSON.stringify(answer)}`);
  }
}

export interface Place {
  provider: Provider;
  data: string;
  report: ProviderReport;
  outside: Outside;
  /** A sandbox that is ended after the tests. */
  join(options?: { home?: string; limits?: Partial<SandboxLimits>; orphanTimeoutSeconds?: number }): Promise<Learner>;
  /** A sandbox for tests that share one; none where no sandbox can be made, and all tests skip. */
  first(): Promise<Learner>;
  /** Skips a test that takes something this machine cannot do. */
  needs(context: TestContext, what: Need): boolean;
}

/** `homes`: such as outlive their sandboxes. */
type Need = 'sandboxes' | 'two' | 'limits' | 'homes';

/** Prepares a data folder and provider for the tests of a file; removes all after and looks that nothing is left. */
export async function place(): Promise<Place> {
  const sandboxes: Sandbox[] = [];
  const the = {
    async join({ home, limits: own, orphanTimeoutSeconds = 60 }: Parameters<Place['join']>[0] = {}) {
      const request = { id: name('box'), home: home ?? name('home'), limits: { ...limits, ...own } };
      const sandbox = await the.provider.create({ ...request, orphanTimeoutSeconds }, () => {});
      sandboxes.push(sandbox);
      return new Learner(sandbox);
    },
    async first() {
      return the.report.usable ? the.join() : (undefined as unknown as Learner);
    },
    needs(context: TestContext, what: Need): boolean {
      const reason = lacks(the.report, what);
      if (reason) context.skip(reason);
      return !reason;
    },
  } as Place;
  the.data = await mkdtemp(join(tmpdir(), 'unicorn-isolation-'));
  the.provider = await makeProvider(providerName, { ...testSettings(), data: the.data });
  the.outside = await outsideOf(providerName, the.data);
  the.report = await the.provider.probe();
  after(async () => {
    await Promise.all(sandboxes.map(sandbox => sandbox.end()));
    await Promise.all(sandboxes.map(({ home }) => the.provider.removeHome(home)));
    const left = await the.outside.traces(sandboxes.map(({ id }) => id));
    await the.outside.close?.();
    await rm(the.data, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  });
  return the;
}

/** A provider whose data folder is another one, for a test. */
export async function otherProvider(context: TestContext): Promise<Provider> {
  const data = await mkdtemp(join(tmpdir(), 'unicorn-isolation-'));
  context.after(() => rm(data, { recursive: true, force: true }));
  return providerOf(data);
}

/** The provider that is tested, of a server with this data folder. */
export const providerOf = (data: string): Promise<Provider> =>
  makeProvider(providerName, { ...testSettings(), data, image });

function lacks(report: ProviderReport, what: Need): string | undefined {
  if (!report.usable) {
    const problem = report.findings.find(({ state }) => state === 'missing');
    return `no sandboxes here: ${problem?.detail}`;
  }
  if (what === 'homes') {
    const kept = providerName !== 'kubernetes' || environmentSettings(process.env).kubernetes.homes !== 'none';
    return kept ? undefined : 'homes are not kept in this cluster: UNICORN_HOMES says none';
  }
  if (what !== 'sandboxes' && report.maximumSandboxes < 2)
    return report.findings.find(({ subject }) => subject === 'limits')?.detail ?? 'one sandbox only';
  return undefined;
}
