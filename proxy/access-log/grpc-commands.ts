/** Operators that print how a gRPC call ended. */
import { grpcStatus } from '../grpc/status.ts';
import { codeOf, isGrpc } from '../http/grpc.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, FormatError } from './command.ts';

/** The names of the codes, from 0: `DEADLINE_EXCEEDED`. */
const snakeNames = Object.keys(grpcStatus);
/** `DeadlineExceeded`; Envoy writes one of them in its own way. */
const camelNames = snakeNames.map(name => {
  if (name === 'OK') return name;
  if (name === 'CANCELLED') return 'Canceled';
  return name.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
});

/** What the trailers say, or else the head, or else what the status of HTTP stands for; undefined where nothing was answered. */
export function grpcStatusOf({ responseTrailers, responseHeaders, responseCode }: StreamInfo): number | undefined {
  const said = responseTrailers?.get('grpc-status') ?? responseHeaders?.get('grpc-status');
  if (said !== undefined && /^\d+$/.test(said)) return Number(said);
  return responseCode === 0 ? undefined : codeOf(responseCode);
}

const printers = new Map<string, (status: number) => string | number>([
  ['CAMEL_STRING', status => camelNames[status] ?? String(status)],
  ['SNAKE_STRING', status => snakeNames[status] ?? String(status)],
  ['NUMBER', status => status],
]);

const status: Compiler = argument => {
  const print = printers.get(argument || 'CAMEL_STRING');
  if (print === undefined)
    throw new FormatError(`GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: ${argument}`);
  return info => {
    const code = isGrpc(info.requestHeaders) ? grpcStatusOf(info) : undefined;
    return code === undefined ? undefined : print(code);
  };
};

export const grpcCommands: Record<string, Compiler> = {
  GRPC_STATUS: status,
  GRPC_STATUS_NUMBER: () => status('NUMBER'),
};
