/** What the server may ask, by name. */

import { Failure } from './failure.ts';
import type { MethodName, Methods } from './protocol/messages.ts';
import type { Sandbox } from './sandbox.ts';
import type { Terminal } from './terminal/terminal.ts';
import { interrupt, run } from './terminal/typing.ts';
import { execute } from './world/execute.ts';
import { listFolder, readFile, writeFile } from './world/files.ts';
import { requestIn } from './world/http.ts';
import { listPorts, listProcesses, usage } from './world/processes.ts';

/** Every method but `terminal.open`, whose stream is more than a question and an answer. */
export type CallName = Exclude<MethodName, 'terminal.open'>;

type Handler<M extends MethodName> = (
  sandbox: Sandbox,
  params: Methods[M]['params'],
  signal: AbortSignal,
) => Promise<Methods[M]['result']> | Methods[M]['result'];

const number = (value: unknown, name: string): number => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new Failure('invalid', `${name} must be a number`);
  return value;
};
const string = (value: unknown, name: string): string => {
  if (typeof value !== 'string') throw new Failure('invalid', `${name} must be a text`);
  return value;
};

async function openTerminal(sandbox: Sandbox, name: string): Promise<Terminal> {
  await sandbox.world.ready();
  return await sandbox.terminals.open(name);
}

/** The methods. */
export const methods: { [M in CallName]: Handler<M> } = {
  'terminal.list': sandbox => ({ terminals: sandbox.terminals.list() }),
  'terminal.close': (sandbox, { terminal }) => {
    sandbox.terminals.close(terminal);
    return {};
  },
  'terminal.run': async (sandbox, params, signal) => {
    string(params.command, 'command');
    number(params.promptTimeoutMs, 'promptTimeoutMs');
    number(params.timeoutMs, 'timeoutMs');
    return { exitStatus: await run(await openTerminal(sandbox, params.terminal), params, signal) };
  },
  'terminal.interrupt': async (sandbox, { terminal, timeoutMs }, signal) => {
    await interrupt(sandbox.terminals.find(terminal), number(timeoutMs, 'timeoutMs'), signal);
    return {};
  },
  'terminal.text': async (sandbox, { terminal }) => ({ text: await sandbox.terminals.find(terminal).text() }),
  execute: (sandbox, params, signal) => {
    if (!Array.isArray(params.command) || params.command.length === 0)
      throw new Failure('invalid', 'a command is needed');
    number(params.timeoutMs, 'timeoutMs');
    number(params.maximumOutput, 'maximumOutput');
    return execute(sandbox.world, params, signal);
  },
  'file.read': async (sandbox, { path, maximumBytes }) =>
    readFile(await sandbox.world.ready(), path, number(maximumBytes, 'maximumBytes')),
  'file.write': async (sandbox, { path, content }) =>
    writeFile(await sandbox.world.ready(), path, string(content, 'content')),
  'file.list': async (sandbox, { path }) => listFolder(await sandbox.world.ready(), path),
  'http.request': async (sandbox, params, signal) => requestIn(await sandbox.world.ready(), params, signal),
  'process.list': async sandbox => ({ processes: listProcesses(await sandbox.world.ready()) }),
  'port.list': async sandbox => ({ ports: listPorts(await sandbox.world.ready()) }),
  replay: async (sandbox, params, signal) => {
    const { replay } = await import('./replay/replay.ts');
    return await replay(sandbox.world, params, signal);
  },
  reset: (sandbox, { files }) => sandbox.reset(files),
  usage: () => usage(),
  shutdown: sandbox => {
    sandbox.end();
    return {};
  },
};
