import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ReplicaRecord } from '../store/replica-store.ts';
import { answerTo, same, seal, sealHeader } from './seal.ts';

/** How long another server may take to answer, or to be connected to. */
const patienceMs = 2000;
/** How long an answer counts. */
const freshMs = 1000;
export const greetingPath = '/api/replica';

/** The other servers of the class, as they are reached. */
export class Peers {
  readonly #secret: string;
  readonly #answered = new Map<string, number>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Whether that server, and no other program at its address, answers. */
  async answers(peer: ReplicaRecord): Promise<boolean> {
    const since = performance.now() - (this.#answered.get(peer.id) ?? Number.NEGATIVE_INFINITY);
    if (since < freshMs) return true;
    const answers = await this.#greet(peer).catch(() => false);
    if (answers) this.#answered.set(peer.id, performance.now());
    else this.#answered.delete(peer.id);
    return answers;
  }

  /** A connection to it; null when none can be had. */
  connect(peer: ReplicaRecord): Promise<Socket | null> {
    const { promise, resolve } = Promise.withResolvers<Socket | null>();
    const socket = connect(placeOf(peer));
    const fail = () => {
      this.#answered.delete(peer.id);
      socket.destroy();
      resolve(null);
    };
    socket.setTimeout(patienceMs, fail);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', fail);
      resolve(socket);
    });
    return promise;
  }

  async #greet(peer: ReplicaRecord): Promise<boolean> {
    const text = seal(this.#secret, peer.id, 'GET', greetingPath);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const signal = AbortSignal.timeout(patienceMs);
    const options = { ...placeOf(peer), path: greetingPath, headers: { [sealHeader]: text }, agent: false, signal };
    const asked = request(options, response => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
        if (body.length > 1000) response.destroy(new Error('too long'));
      });
      response.on('end', () => resolve(body));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
    return same(await promise, answerTo(this.#secret, text));
  }
}

function placeOf({ address }: ReplicaRecord): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(at + 1)) };
}
