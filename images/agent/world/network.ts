import { closeSync, readFileSync } from 'node:fs';
import { isIP, isIPv4, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { connectIn, isConnected } from './system.ts';

const lookAgainMs = 5;

/** Names are those of /etc/hosts, which box and world share; there is no other name service. */
function resolve(host: string): Buffer {
  const name = host.replace(/^\[|\]$/g, '');
  if (isIP(name)) return addressBytes(name);
  for (const line of readFileSync('/etc/hosts', 'utf8').split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address && isIPv4(address) && names.includes(name)) return addressBytes(address);
  }
  throw new Failure('refused', `the name ${name} is not known in the sandbox`);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after] = address.split('::');
  const groups = (text: string): string[] => text.split(':').filter(Boolean);
  const head = groups(before);
  const tail = groups(after ?? '');
  const middle = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return Buffer.from([...head, ...middle, ...tail].map(group => group.padStart(4, '0')).join(''), 'hex');
}

/** Connects from inside the network of the process `pid`. The learner's programs see a peer on their own loopback. */
export async function dial(pid: number, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const address = resolve(host);
  let descriptor: number | undefined;
  try {
    descriptor = connectIn(`/proc/${pid}/ns/net`, address, port);
    while (!isConnected(descriptor)) {
      signal.throwIfAborted();
      await delay(lookAgainMs);
    }
    return new Socket({ fd: descriptor });
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw signal.aborted
      ? new Failure('timed-out', `no connection to ${host}:${port} in time`)
      : refused(error, host, port);
  }
}

function refused(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return new Failure('refused', `nothing listens on ${host}:${port}`);
  return error instanceof Failure
    ? error
    : new Failure('refused', `no connection to ${host}:${port} (${code ?? error})`);
}
