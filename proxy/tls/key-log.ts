/**
 * Writes the keys of handshakes to a file, by which somebody who looks at the wire can decrypt what was said.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto#extensions-transport-sockets-tls-v3-tlskeylog
 */
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { getSystemErrorMap } from 'node:util';
import type { LogTarget, LogTargets } from '../access-log/sink.ts';
import type { CidrRange } from '../api/envoy/config/core/v3/address_pb.js';
import type { TlsKeyLog } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { addressTest } from '../net/address-range.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

export class KeyLog {
  readonly #target: LogTarget;
  readonly #wants: (raw: Socket) => boolean;

  private constructor({ path, localAddressRange, remoteAddressRange }: TlsKeyLog, targets: LogTargets) {
    this.#target = opened(path, () => targets.open(path));
    const [local, remote] = [anyOr(localAddressRange), anyOr(remoteAddressRange)];
    this.#wants = ({ localAddress = '', remoteAddress = '' }) => local(localAddress) && remote(remoteAddress);
  }

  /**
   * Undefined where no keys are to be written.
   * @throws TlsConfigurationError where the file cannot be opened
   */
  static of(configuration: TlsKeyLog | undefined, targets: LogTargets | undefined): KeyLog | undefined {
    return configuration && targets && new KeyLog(configuration, targets);
  }

  /**
   * To be called before the handshake.
   * @param raw what the socket's bytes go through
   */
  follow(socket: TLSSocket, raw: Socket): void {
    if (this.#wants(raw)) socket.on('keylog', (line: Buffer) => this.#target.write(line.toString('latin1')));
  }
}

/** @throws TlsConfigurationError where the file cannot be opened */
export function checkKeyLog(configuration: TlsKeyLog | undefined): void {
  if (configuration !== undefined)
    opened(configuration.path, () => closeSync(openSync(configuration.path, 'a', 0o644)));
}

/** Without ranges every address will do. */
const anyOr = (ranges: readonly CidrRange[]): ((address: string) => boolean) =>
  ranges.length === 0 ? () => true : addressTest(ranges);

function opened<Target>(path: string, open: () => Target): Target {
  try {
    return open();
  } catch (error) {
    throw new TlsConfigurationError(`unable to open file '${path}': ${systemWords(error as NodeJS.ErrnoException)}`);
  }
}

/** `No such file or directory` */
function systemWords({ errno = 0, message }: NodeJS.ErrnoException): string {
  const words = getSystemErrorMap().get(errno)?.[1];
  return words === undefined ? message : words.charAt(0).toUpperCase() + words.slice(1);
}
