/** Lines as datagrams. Whether anybody hears them is not known. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { LineOutput } from './stats-sinks.ts';

export class UdpOutput implements LineOutput {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #mostBytes: number;

  /**
   * @param host an IP address
   * @param mostBytes that lines which share a datagram may have; 0: each has its own
   */
  constructor(host: string, port: number, mostBytes: number) {
    this.#host = host;
    this.#port = port;
    this.#mostBytes = mostBytes;
    const type = isIPv6(host) ? 'udp6' : 'udp4';
    // There is nothing to look up.
    this.#socket = createSocket({
      type,
      lookup: (name, _options, found) => found(null, name, type === 'udp6' ? 6 : 4),
    });
    this.#socket.on('error', () => {});
    this.#socket.unref();
  }

  send(lines: readonly string[]): void {
    let datagram = '';
    for (const line of lines) {
      if (datagram !== '' && datagram.length + 1 + line.length > this.#mostBytes) {
        this.#write(datagram);
        datagram = '';
      }
      datagram = datagram === '' ? line : `${datagram}\n${line}`;
    }
    if (datagram !== '') this.#write(datagram);
  }

  #write(datagram: string): void {
    // A network that takes none now loses it, as it may lose any.
    this.#socket.send(Buffer.from(datagram, 'latin1'), this.#port, this.#host, () => {});
  }

  close(): void {
    this.#socket.close();
  }
}
