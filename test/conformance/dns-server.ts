/** A DNS server for scenarios: answers what it is told to, over UDP. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** What is known of a name. */
export interface Records {
  /** Addresses of IPv4 and of IPv6, in the order in which they are answered. */
  a?: string[];
  aaaa?: string[];
  /** Seconds; 60 where nothing is said. */
  ttl?: number;
  /** Nothing is answered, or that the server failed. */
  fails?: 'silently' | 'with an error';
}

const types: Record<number, 'a' | 'aaaa'> = { 1: 'a', 28: 'aaaa' };
const rcode = { ok: 0, failed: 2, unknown: 3 };

export class DnsServer {
  /** By name; the others do not exist. */
  readonly names = new Map<string, Records>();
  /** Each question: `a name`. */
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket('udp4');

  async listen(port: number): Promise<void> {
    this.#socket.on('message', (query, from) => this.#answer(query, from));
    this.#socket.bind(port, '127.0.0.1');
    await once(this.#socket, 'listening');
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(query: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = readName(query);
    const kind = types[query.readUInt16BE(end)];
    this.asked.push(`${kind} ${name}`);
    const records = this.names.get(name.toLowerCase());
    if (records?.fails === 'silently') return;
    const addresses = (kind && records?.[kind]) ?? [];
    const code = records === undefined ? rcode.unknown : records.fails ? rcode.failed : rcode.ok;
    const head = Buffer.from([query[0]!, query[1]!, 0x85, 0x80 | code, 0, 1, 0, addresses.length, 0, 0, 0, 0]);
    const question = query.subarray(12, end + 4);
    const answers = addresses.map(text => record(text, kind!, records?.ttl ?? 60));
    this.#socket.send(Buffer.concat([head, question, ...answers]), port, address);
  }
}

/** The name asked for, and where it ends. */
function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

/** It points to the name in the question. */
function record(text: string, kind: 'a' | 'aaaa', ttl: number): Buffer {
  const data = kind === 'a' ? Buffer.from(text.split('.').map(Number)) : bytesOf6(text);
  const head = Buffer.from([0xc0, 12, 0, kind === 'a' ? 1 : 28, 0, 1, 0, 0, 0, 0, 0, data.length]);
  head.writeUInt32BE(ttl, 6);
  return Buffer.concat([head, data]);
}

function bytesOf6(text: string): Buffer {
  const [before = '', after] = text.split('::').map(part => part.split(':').filter(group => group !== ''));
  const missing = after === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(missing).fill('0'), ...(after ?? [])];
  return Buffer.from(groups.flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]));
}
