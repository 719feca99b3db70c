/** What grpcurl is asked for: list services, describe a symbol, or call a method. */
import {
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { Call, type CallEnd, type Caller, type Metadata } from './call.ts';
import { describe, methodLine } from './describe.ts';
import type { Options } from './flags.ts';
import { jsonValues } from './json-values.ts';
import { Reflection, ReflectionError } from './reflection.ts';
import { statusName } from './status-name.ts';

/** It could not be done; the message is for the person at the terminal. */
export class ActionError extends Error {
  readonly code = 'action';
}

/** A call that ends with another status makes the program end with so much more than the code. */
const exitOffset = 64;

/** Does it. @returns the program's exit status @throws ActionError */
export async function act(caller: Caller, options: Options, write: (text: string) => void): Promise<number> {
  const { action } = options;
  const reflection = new Reflection(caller);
  if (action.kind === 'call') return call(caller, reflection, options, action.symbol, write);
  try {
    write(await (action.kind === 'list' ? list : describeSymbols)(reflection, action.symbol));
    return 0;
  } catch (error) {
    if (!(error instanceof ReflectionError)) throw error;
    const why = error.notFound ? `Symbol not found: ${action.symbol}` : error.message;
    throw new ActionError(`Failed to ${failedTo(action.kind, action.symbol)}: ${why}`);
  } finally {
    reflection.close();
  }
}

function failedTo(kind: 'list' | 'describe', symbol: string | undefined): string {
  if (symbol === undefined) return 'list services';
  return kind === 'list' ? `list methods for service "${symbol}"` : `resolve symbol "${symbol}"`;
}

async function list(reflection: Reflection, service: string | undefined): Promise<string> {
  if (service === undefined) return (await reflection.services()).map(name => `${name}\n`).join('');
  const found = (await reflection.registry(service)).getService(service);
  if (!found) throw new ReflectionError(`${service} is no service`);
  return found.methods
    .map(({ name }) => `${service}.${name}\n`)
    .sort()
    .join('');
}

async function describeSymbols(reflection: Reflection, symbol: string | undefined): Promise<string> {
  const texts: string[] = [];
  for (const name of symbol === undefined ? await reflection.services() : [symbol.replace(/^\./, '')])
    texts.push(describe(findSymbol(await reflection.registry(name), name)));
  return texts.join('');
}

function findSymbol(registry: FileRegistry, symbol: string) {
  const found = registry.get(symbol) ?? methodIn(registry, symbol);
  if (!found || found.kind === 'extension')
    throw new ReflectionError(`${symbol} is nothing that can be described`, true);
  return found;
}

function methodIn(registry: FileRegistry, symbol: string): DescMethod | undefined {
  const [, service = '', name] = /^(.+)[./]([^./]+)$/.exec(symbol) ?? [];
  return registry.getService(service)?.methods.find(method => method.name === name);
}

async function call(
  caller: Caller,
  reflection: Reflection,
  options: Options,
  symbol: string,
  write: (text: string) => void,
): Promise<number> {
  const fail = (why: string) => new ActionError(`Error invoking method "${symbol}": ${why}`);
  const [, service, name] = /^(.+)[./]([^./]+)$/.exec(symbol) ?? [];
  if (service === undefined)
    throw fail(`given method name "${symbol}" is not in expected format: 'service/method' or 'service.method'`);
  const registry = await registryFor(reflection, service).catch((error: unknown) => {
    throw error instanceof ReflectionError ? fail(error.message) : error;
  });
  const method = registry.getService(service)?.methods.find(one => one.name === name);
  if (!method) throw fail(`service "${service}" does not include a method named "${name}"`);
  let requests: Uint8Array[];
  try {
    requests = jsonValues(options.data).map(value =>
      toBinary(method.input, fromJson(method.input, value as JsonValue, { registry })),
    );
  } catch (error) {
    throw fail(`error getting request data: ${(error as Error).message}`);
  }
  if (requests.length > 1 && !takesMany(method))
    throw fail('method takes one request, but the request data contained more than one message');
  return invoke(caller, method, requests, options, registry, write);
}

/** @throws ReflectionError */
async function registryFor(reflection: Reflection, service: string): Promise<FileRegistry> {
  try {
    return await reflection.registry(service);
  } catch (error) {
    if (!(error instanceof ReflectionError)) throw error;
    if (error.notFound) throw new ReflectionError(`target server does not expose service "${service}"`);
    throw new ReflectionError(`failed to query for service descriptor "${service}": ${error.message}`);
  } finally {
    // Before the call begins, so that no limit on streams or on their time falls on it too.
    reflection.close();
  }
}

async function invoke(
  caller: Caller,
  method: DescMethod,
  requests: Uint8Array[],
  { verbose, emitDefaults }: Options,
  registry: FileRegistry,
  write: (text: string) => void,
): Promise<number> {
  const tell = (text: string): void => void (verbose && write(text));
  const metadata = (headers: Metadata): string =>
    headers.map(([name, value]) => `${name}: ${value}\n`).join('') || '(empty)\n';
  tell(
    `\nResolved method descriptor:\n${methodLine(method)}\n\nRequest metadata to send:\n${metadata(caller.headers)}`,
  );
  let received = 0;
  let heard = false;
  const { promise, resolve } = Promise.withResolvers<CallEnd>();
  const under = new Call(caller, `/${method.parent.typeName}/${method.name}`, {
    onHeaders: headers => {
      heard = true;
      tell(`\nResponse headers received:\n${metadata(headers)}`);
    },
    onMessage: bytes => {
      received++;
      const json = toJson(method.output, fromBinary(method.output, bytes), {
        alwaysEmitImplicit: emitDefaults,
        registry,
      });
      tell('\nResponse contents:\n');
      write(`${JSON.stringify(json, null, 2)}\n`);
    },
    onEnd: resolve,
  });
  for (const request of requests.length > 0 || takesMany(method) ? requests : [new Uint8Array()]) under.send(request);
  under.end();
  const { status, message, trailers } = await promise;
  if (!heard) tell('\nResponse headers received:\n(empty)\n');
  tell(`\nResponse trailers received:\n${metadata(trailers)}`);
  tell(`Sent ${counted(requests.length, 'request')} and received ${counted(received, 'response')}\n`);
  if (status === 0) return 0;
  process.stderr.write(`ERROR:\n  Code: ${statusName(status)}\n  Message: ${message}\n`);
  return exitOffset + status;
}

const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

const takesMany = ({ methodKind }: DescMethod): boolean =>
  methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
