/** Asks a server for its schema. @see https://grpc.io/docs/guides/reflection/ */
import {
  createFileRegistry,
  type DescFile,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { type ReflectionVersion, reflectionSchema, reflectionVersions } from '../grpc/reflection-schema.ts';
import { describeFile, registryOf } from '../grpc/schema.ts';
import { Call, type CallEnd, type Caller } from './call.ts';
import { statusName } from './status-name.ts';

/** The server does not tell its schema; the message is for the person at the terminal. */
export class ReflectionError extends Error {
  readonly code = 'reflection';
  /** The symbol is not known there. */
  readonly notFound: boolean;
  constructor(message: string, notFound = false) {
    super(message);
    this.notFound = notFound;
  }
}

/** One conversation with the server; to be closed. */
export class Reflection {
  readonly #caller: Caller;
  #talk: Conversation | undefined;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** The full names of its services, sorted. @throws ReflectionError */
  async services(): Promise<string[]> {
    const { listServicesResponse } = await this.#ask({ listServices: '*' });
    const { service = [] } = (listServicesResponse ?? {}) as { service?: { name: string }[] };
    return service.map(({ name }) => name).sort();
  }

  /** All that the file of a symbol defines, and what that imports. @throws ReflectionError */
  async registry(symbol: string): Promise<FileRegistry> {
    const files = new Map<string, FileDescriptorProto>();
    const first = await this.#files({ fileContainingSymbol: symbol });
    for (const file of first) files.set(file.name, file);
    for (const file of files.values())
      for (const name of file.dependency) {
        if (files.has(name)) continue;
        for (const found of await this.#files({ fileByFilename: name })) files.set(found.name, found);
      }
    return createFileRegistry(first[0]!, (name): DescFile | FileDescriptorProto | undefined => files.get(name));
  }

  close(): void {
    this.#talk?.close();
  }

  async #files(question: JsonObject): Promise<FileDescriptorProto[]> {
    const { fileDescriptorResponse } = await this.#ask(question);
    const { fileDescriptorProto = [] } = (fileDescriptorResponse ?? {}) as { fileDescriptorProto?: string[] };
    return fileDescriptorProto.map(bytes => fromBinary(FileDescriptorProtoSchema, Buffer.from(bytes, 'base64')));
  }

  async #ask(question: JsonObject): Promise<JsonObject> {
    if (this.#talk) return answered(await this.#talk.ask(question));
    for (const version of reflectionVersions) {
      const talk = new Conversation(this.#caller, version);
      const answer = await talk.ask(question);
      if ('status' in answer && answer.status === grpcStatus.UNIMPLEMENTED) continue;
      this.#talk = talk;
      return answered(answer);
    }
    throw new ReflectionError('server does not support the reflection API');
  }
}

function answered(answer: JsonObject | CallEnd): JsonObject {
  if ('trailers' in answer) {
    const { status, message } = answer as CallEnd;
    throw new ReflectionError(`rpc error: code = ${statusName(status)} desc = ${message}`);
  }
  const { errorResponse } = answer as { errorResponse?: { errorCode?: number; errorMessage?: string } };
  if (errorResponse !== undefined)
    throw new ReflectionError(errorResponse.errorMessage ?? '', errorResponse.errorCode === grpcStatus.NOT_FOUND);
  return answer as JsonObject;
}

/** A stream of questions and answers: one answer for each. */
class Conversation {
  readonly #call: Call;
  readonly #method;
  #hear: (answer: JsonObject | CallEnd) => void = () => {};
  #end: CallEnd | undefined;

  constructor(caller: Caller, version: ReflectionVersion) {
    const registry = registryOf([describeFile(reflectionSchema(version))]);
    const service = `grpc.reflection.${version}.ServerReflection`;
    this.#method = registry.getService(service)!.methods[0]!;
    this.#call = new Call(caller, `/${service}/${this.#method.name}`, {
      onHeaders: () => {},
      onMessage: bytes => {
        const { output } = this.#method;
        this.#hear(toJson(output, fromBinary(output, bytes)) as JsonObject);
      },
      onEnd: end => {
        this.#end = end;
        this.#hear(end);
      },
    });
  }

  ask(question: JsonObject): Promise<JsonObject | CallEnd> {
    if (this.#end) return Promise.resolve(this.#end);
    const { promise, resolve } = Promise.withResolvers<JsonObject | CallEnd>();
    this.#hear = resolve;
    const { input } = this.#method;
    this.#call.send(toBinary(input, fromJson(input, question)));
    return promise;
  }

  close(): void {
    this.#call.end();
  }
}
