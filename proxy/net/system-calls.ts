/** System calls on sockets that Node has no function for, through koffi. All are short, and none blocks. */
import { createRequire } from 'node:module';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import type koffiModule from 'koffi';

export interface SystemCalls {
  /** 0 where it worked. */
  getsockopt(descriptor: number, level: number, name: number, value: Buffer, length: Buffer): number;
  setsockopt(descriptor: number, level: number, name: number, value: Buffer, length: number): number;
  bind(descriptor: number, address: Buffer, length: number): number;
  close(descriptor: number): number;
  /** Another descriptor of the same socket; below 0 where it did not work. */
  dup(descriptor: number): number;
  /** Which address it is bound to. */
  getsockname(descriptor: number, address: Buffer, length: Buffer): number;
  /** A new descriptor; below 0 where it did not work. */
  socket(family: number, type: number, protocol: number): number;
  /** Why the last one of this thread did not work. */
  errno(): number;
}

/** The package, or the one native file of it that lies beside the programs of a sandbox. */
const places = ['koffi', join(import.meta.dirname, '../agent/koffi.node')];

let calls: SystemCalls | undefined;

/** Loaded when somebody asks first. @throws Error where this machine has no koffi */
export function systemCalls(): SystemCalls {
  calls ??= load();
  return calls;
}

function load(): SystemCalls {
  const require = createRequire(import.meta.url);
  const found = places.find(place => {
    try {
      return require.resolve(place) !== '';
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error('options of sockets cannot be read or set here: there is no koffi');
  const koffi = require(found) as typeof koffiModule;
  const libc = koffi.load(null);
  return {
    errno: () => koffi.errno(),
    socket: libc.func('int socket(int family, int type, int protocol)'),
    bind: libc.func('int bind(int descriptor, void *address, uint32_t length)'),
    close: libc.func('int close(int descriptor)'),
    dup: libc.func('int dup(int descriptor)'),
    getsockname: libc.func('int getsockname(int descriptor, void *address, void *length)'),
    getsockopt: libc.func('int getsockopt(int descriptor, int level, int name, void *value, void *length)'),
    setsockopt: libc.func('int setsockopt(int descriptor, int level, int name, void *value, uint32_t length)'),
  };
}

/** Undefined where it is closed. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle: { fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}
