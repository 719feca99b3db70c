/**
 * Generates the TypeScript types and descriptors of Envoy's configuration, proxy/api/, from the .proto files that an npm package
 * ships. Runs at set-up; needs nothing but node_modules.
 *
 *     node proxy/api-generation/generate.mjs
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FieldOptionsSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { constraintsOf } from './constraints.mjs';
import { enumsOf } from './enums.mjs';
import { annotationFiles, roots } from './roots.mjs';
import { sourcesOf } from './sources.mjs';

/** @typedef {import('@bufbuild/protobuf/wkt').FileDescriptorProto} FileProto */
/** @typedef {import('@bufbuild/protobuf/wkt').DescriptorProto} MessageProto */
/** @typedef {import('@bufbuild/protobuf/wkt').FileDescriptorSet} FileSet */

const here = dirname(fileURLToPath(import.meta.url));
const output = resolve(here, '../api');
const require = createRequire(import.meta.url);

/** Generates everything into a folder beside the old one and swaps them, so that nobody ever sees a half of it. */
function main() {
  const half = `${output}.${process.pid}`;
  rmSync(half, { recursive: true, force: true });
  try {
    const files = compile(sourcesOf(roots));
    write(half, 'constraints.js', constraintsModule(constraintsOf(files)));
    write(half, 'constraints.d.ts', constraintsTypes);
    const enums = enumsOf(files, isAnnotation);
    write(half, 'enums.js', enums.module);
    write(half, 'enums.d.ts', enums.types);
    for (const file of generate(files)) write(half, file.name, file.content);
    rmSync(output, { recursive: true, force: true });
    renameSync(half, output);
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
}

/**
 * Compiles the sources with buf.
 * @param {Map<string, string>} sources
 * @returns {FileSet}
 */
function compile(sources) {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-api-'));
  try {
    for (const [name, text] of sources) write(folder, name, text);
    write(folder, 'buf.yaml', 'version: v2\n');
    const image = join(folder, 'image.binpb');
    run(
      join(dirname(require.resolve('@bufbuild/buf/package.json')), 'bin/buf'),
      ['build', '--exclude-source-info', '-o', image],
      {
        cwd: folder,
        env: { ...process.env, BUF_CACHE_DIR: join(folder, '.cache') },
      },
    );
    return fromBinary(FileDescriptorSetSchema, readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Turns descriptors into JavaScript and its types.
 * @param {FileSet} files
 */
function generate(files) {
  const protoFile = files.file.filter(file => !isAnnotation(file.name));
  for (const file of protoFile) strip(file);
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: protoFile.map(file => file.name).filter(name => !name.startsWith('google/protobuf/')),
    parameter: 'target=js+dts,import_extension=js,json_types=false',
    protoFile,
  });
  const plugin = join(dirname(require.resolve('@bufbuild/protoc-gen-es/package.json')), 'bin/protoc-gen-es');
  const answer = run(plugin, [], { input: toBinary(CodeGeneratorRequestSchema, request) });
  const response = fromBinary(CodeGeneratorResponseSchema, answer);
  if (response.error) throw new Error(response.error);
  return response.file;
}

/** @param {string} name */
function isAnnotation(name) {
  return annotationFiles.some(pattern => pattern.test(name));
}

/**
 * Removes annotations from a file, and the imports that only they need.
 * @param {FileProto} file
 */
function strip(file) {
  if (file.name.startsWith('google/protobuf/')) return;
  file.dependency = file.dependency.filter(name => !isAnnotation(name));
  file.publicDependency = [];
  file.weakDependency = [];
  file.options = undefined;
  for (const type of file.enumType) stripEnum(type);
  for (const type of file.messageType) stripMessage(type);
  file.service = [];
}

/** @param {MessageProto} message */
function stripMessage(message) {
  const { mapEntry } = message.options ?? {};
  if (message.options) message.options.$unknown = mapEntry ? [] : undefined;
  if (!mapEntry) message.options = undefined;
  for (const oneof of message.oneofDecl) oneof.options = undefined;
  for (const field of message.field) stripField(field);
  for (const type of message.enumType) stripEnum(type);
  for (const type of message.nestedType) stripMessage(type);
}

/** @param {import('@bufbuild/protobuf/wkt').FieldDescriptorProto} field */
function stripField(field) {
  const { packed, deprecated } = field.options ?? {};
  field.options =
    packed === undefined && !deprecated
      ? undefined
      : create(FieldOptionsSchema, { ...(packed !== undefined && { packed }), ...(deprecated && { deprecated }) });
}

/** @param {import('@bufbuild/protobuf/wkt').EnumDescriptorProto} type */
function stripEnum(type) {
  type.options = undefined;
  for (const value of type.value) value.options = undefined;
}

/** @param {Record<string, unknown>} table */
function constraintsModule(table) {
  const text = JSON.stringify(JSON.stringify(table));
  return `/** What Envoy's API demands of the fields of each message. Generated. */\nexport const loadConstraints = () => JSON.parse(${text});\n`;
}

const constraintsTypes = `/** What is known about one field: its rules (validate.rules in JSON), the minor version that deprecated it. */
export interface FieldFacts { rules?: Record<string, unknown>; deprecated?: string; disallowed?: true }
/** What is known about one message: its fields by proto name, and the oneofs of which one member must be set. */
export interface MessageFacts { fields?: Record<string, FieldFacts>; required?: string[] }
export declare const loadConstraints: () => Record<string, MessageFacts>;
`;

/**
 * Runs a JavaScript program of a package and gives its output.
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} options
 */
function run(program, args, options) {
  const result = spawnSync(process.execPath, [program, ...args], { maxBuffer: 64 << 20, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${program} ended with ${result.status}:\n${result.stderr}${result.stdout}`);
  return /** @type {Buffer} */ (result.stdout);
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} content
 */
function write(folder, name, content) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

main();
