/**
 * The agent: owns a sandbox's terminals, processes and screens, and answers servers. Runs in the box as its root, the child of a shell that reaps;
 * when it ends, the sandbox ends.
 */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { collectWhenIdle } from '../../proxy/idle-memory.ts';
import { agentVariables } from '../box/specification.ts';
import { Connections } from './connections.ts';
import { Sandbox } from './sandbox.ts';

const folder = '/run/agent';
const goodbyeMs = 100;
/** Nobody types any more: a key must not wait for a collection. */
const pauseMs = 5000;

function variable(name: string, otherwise: string): string {
  return process.env[name] ?? otherwise;
}

/** Ends after a while without any server. */
function orphanWatch(seconds: number): (servers: number) => void {
  let timer: NodeJS.Timeout | undefined;
  return servers => {
    clearTimeout(timer);
    if (servers === 0) timer = setTimeout(() => process.exit(0), seconds * 1000);
  };
}

function main(): void {
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const orphan = orphanWatch(Number(variable(agentVariables.orphanTimeout, '600')));
  const connections = new Connections(variable(agentVariables.sandbox, ''), count => {
    orphan(count);
    sandbox.watch(count > 0);
  });
  // The answer to whoever asked for the end goes out first.
  const end = (): void => void setTimeout(() => process.exit(0), goodbyeMs);
  const sandbox = new Sandbox(folder, event => connections.send(event), end);
  connections.sandbox = sandbox;
  orphan(0);
  sandbox.start().catch(error => {
    console.error(`the sandbox's world does not start: ${error.message}`);
    process.exit(1);
  });
  const descriptor = Number(variable(agentVariables.listenDescriptor, '3'));
  createServer({ allowHalfOpen: false }, socket => connections.add(socket)).listen({ fd: descriptor });
  collectWhenIdle(() => performance.now() - sandbox.terminals.typedAt > pauseMs);
  process.on('uncaughtException', error => console.error(error));
  process.on('unhandledRejection', error => console.error(error));
}

if (process.argv[2] !== '--version') main();
