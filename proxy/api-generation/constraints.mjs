/**
 * Takes what the annotations of the API say about its fields (validate.rules, deprecation) out of the descriptors, as one plain
 * table: the descriptors that the proxy loads at run time stay small.
 */
import { createFileRegistry, getExtension, getOption, hasOption, toJson } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';

/** @typedef {{ rules?: unknown, deprecated?: string, disallowed?: true }} FieldFacts */
/** @typedef {{ fields?: Record<string, FieldFacts>, required?: string[] }} MessageFacts */

/**
 * @param {import('@bufbuild/protobuf/wkt').FileDescriptorSet} files
 * @returns {Record<string, MessageFacts>} by the message's full name
 */
export function constraintsOf(files) {
  const registry = createFileRegistry(files);
  const read = reader(registry);
  /** @type {Record<string, MessageFacts>} */
  const table = {};
  for (const file of registry.files) {
    for (const type of nestedTypes(file)) {
      if (type.kind !== 'message' || type.file.name.startsWith('validate/')) continue;
      const facts = messageFacts(type, read);
      if (facts) table[type.typeName] = facts;
    }
  }
  return table;
}

/** @param {import('@bufbuild/protobuf').FileRegistry} registry */
function reader(registry) {
  /** @param {string} name */
  const extension = name => {
    const found = registry.getExtension(name);
    if (!found) throw new Error(`the API does not declare ${name}`);
    return found;
  };
  return {
    registry,
    rules: extension('validate.rules'),
    required: extension('validate.required'),
    deprecatedAt: extension('envoy.annotations.deprecated_at_minor_version'),
    disallowed: extension('envoy.annotations.disallowed_by_default'),
  };
}

/**
 * @param {import('@bufbuild/protobuf').DescMessage} type
 * @param {ReturnType<typeof reader>} read
 * @returns {MessageFacts | undefined}
 */
function messageFacts(type, read) {
  /** @type {Record<string, FieldFacts>} */
  const fields = {};
  for (const field of type.fields) {
    const facts = fieldFacts(field, read);
    if (Object.keys(facts).length > 0) fields[field.name] = facts;
  }
  const required = type.oneofs.filter(oneof => hasOption(oneof, read.required)).map(oneof => oneof.name);
  if (Object.keys(fields).length === 0 && required.length === 0) return undefined;
  return { ...(Object.keys(fields).length > 0 && { fields }), ...(required.length > 0 && { required }) };
}

/**
 * @param {import('@bufbuild/protobuf').DescField} field
 * @param {ReturnType<typeof reader>} read
 * @returns {FieldFacts}
 */
function fieldFacts(field, read) {
  /** @type {FieldFacts} */
  const facts = {};
  if (hasOption(field, read.rules) && field.proto.options) {
    const rules = /** @type {import('@bufbuild/protobuf').Message} */ (getExtension(field.proto.options, read.rules));
    facts.rules = toJson(/** @type {import('@bufbuild/protobuf').DescMessage} */ (read.rules.message), rules, {
      useProtoFieldName: true,
      registry: read.registry,
    });
  }
  if (field.deprecated)
    facts.deprecated = hasOption(field, read.deprecatedAt) ? String(getOption(field, read.deprecatedAt)) : '';
  if (hasOption(field, read.disallowed)) facts.disallowed = true;
  return facts;
}
