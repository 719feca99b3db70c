/** The methods of greeter, and of the services that stand beside it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type FileRegistry, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { reflectionVersions } from '../grpc/reflection-schema.ts';
import { type Call, GrpcError, headerOf, type Method } from './call.ts';

const usual = { count: 5, seconds: 3 };
const most = { count: 1000, seconds: 60 };
const apartMs = 500;
/** Tries of one request that SayHelloMaybe fails before it answers. */
const failures = 2;
/** Requests whose tries are counted at most; the oldest is forgotten first. */
const remembered = 1000;

/** All methods by their paths. @param registry has their schema */
export function methodsOf(registry: FileRegistry): Map<string, Method> {
  const reflection = reflect(registry);
  return new Map<string, Method>([
    ['/greeter.Greeter/SayHello', unary(hello)],
    ['/greeter.Greeter/SayHellos', sayHellos],
    ['/greeter.Greeter/SayHelloToEach', sayHelloToEach],
    ['/greeter.Greeter/SayHelloLater', unary(sayHelloLater)],
    ['/greeter.Greeter/SayHelloMaybe', unary(sayHelloMaybe())],
    ['/greeter.Greeter/SayGoodbye', unary(sayGoodbye)],
    [
      '/greeter.Greeter/ShowHeaders',
      unary((_, { headers }) => ({ headers: headers.map(([name, value]) => ({ name, value })) })),
    ],
    ['/grpc.health.v1.Health/Check', unary(checkHealth(registry))],
    ['/grpc.health.v1.Health/Watch', watchHealth(registry)],
    ...reflectionVersions.map(
      version => [`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, reflection] as const,
    ),
  ]);
}

type Unary = (request: JsonObject, call: Call) => JsonObject | Promise<JsonObject>;

/** A method with one request and one reply. */
function unary(answer: Unary): Method {
  return async function* (requests, call) {
    yield await answer(await theOne(requests), call);
  };
}

async function theOne(requests: AsyncIterable<JsonObject>): Promise<JsonObject> {
  for await (const request of requests) return request;
  throw new GrpcError('INTERNAL', 'the call ended without a message');
}

const nameOf = ({ name }: JsonObject): string => (typeof name === 'string' && name !== '' ? name : 'world');
const hello = (request: JsonObject): JsonObject => ({ message: `Hello, ${nameOf(request)}` });

/** A number of a request: as usual where it is not there. */
function numberOf(request: JsonObject, name: 'count' | 'seconds'): number {
  const value = Number(request[name] ?? 0);
  if (!(value >= 0 && value <= most[name]))
    throw new GrpcError('INVALID_ARGUMENT', `${name}: 0 to ${most[name]} is allowed`);
  return value === 0 ? usual[name] : value;
}

const sayHellos: Method = async function* (requests, { signal }) {
  const request = await theOne(requests);
  const count = numberOf(request, 'count');
  for (let sent = 1; sent <= count; sent++) {
    if (sent > 1) await delay(apartMs, undefined, { signal });
    yield { message: `Hello, ${nameOf(request)}, ${sent} of ${count}` };
  }
};

const sayHelloToEach: Method = async function* (requests) {
  for await (const request of requests) yield hello(request);
};

const sayHelloLater: Unary = async (request, { signal }) => {
  await delay(numberOf(request, 'seconds') * 1000, undefined, { signal });
  return hello(request);
};

const sayGoodbye: Unary = request => {
  throw new GrpcError('NOT_FOUND', `${nameOf(request)} is not here`);
};

/** Fails the first tries of a request, which the request's id tells apart from others, then answers. */
function sayHelloMaybe(): Unary {
  const tries = new Map<string, number>();
  return (request, call) => {
    const key = headerOf(call, 'x-request-id') ?? '';
    const failed = tries.get(key) ?? 0;
    tries.delete(key);
    if (failed >= failures) return hello(request);
    const [oldest] = tries.keys();
    if (tries.size >= remembered && oldest !== undefined) tries.delete(oldest);
    tries.set(key, failed + 1);
    throw new GrpcError('UNAVAILABLE', `not now: try ${failed + 1} of ${failures} that fail`);
  };
}

function checkHealth(registry: FileRegistry): Unary {
  return ({ service = '' }) => {
    if (service !== '' && registry.getService(String(service)) === undefined)
      throw new GrpcError('NOT_FOUND', `unknown service ${service}`);
    return { status: 'SERVING' };
  };
}

/** Tells the status, which never changes, and stays. */
function watchHealth(registry: FileRegistry): Method {
  return async function* (requests, { signal }) {
    const { service = '' } = await theOne(requests);
    const known = service === '' || registry.getService(String(service)) !== undefined;
    yield { status: known ? 'SERVING' : 'SERVICE_UNKNOWN' };
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
}

function reflect(registry: FileRegistry): Method {
  const answer = (request: JsonObject): JsonObject => {
    const { listServices, fileByFilename, fileContainingSymbol } = request;
    if (listServices !== undefined) return { listServicesResponse: { service: servicesOf(registry) } };
    const file =
      typeof fileByFilename === 'string'
        ? registry.getFile(fileByFilename)
        : fileOfSymbol(registry, String(fileContainingSymbol));
    if (file === undefined) return { errorResponse: { errorCode: grpcStatus.NOT_FOUND, errorMessage: 'not found' } };
    const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto));
    return { fileDescriptorResponse: { fileDescriptorProto: [bytes.toString('base64')] } };
  };
  return async function* (requests) {
    for await (const request of requests) yield { originalRequest: request, ...answer(request) };
  };
}

function servicesOf(registry: FileRegistry): JsonObject[] {
  return [...registry].filter(({ kind }) => kind === 'service').map(({ typeName }) => ({ name: typeName }));
}

/** The file of a service, a method, a message or an enum. */
function fileOfSymbol(registry: FileRegistry, symbol: string) {
  const outer = symbol.slice(0, symbol.lastIndexOf('.'));
  return (registry.get(symbol) ?? registry.getService(outer))?.file;
}
