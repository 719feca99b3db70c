/** Checks one message of a configuration against what Envoy's API demands of it. */
import { type DescField, ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import type { MessageFacts } from '../api/constraints.js';
import type { Json } from './json.ts';
import { isRequired, violation } from './rules.ts';
import { isWellKnown } from './schema-walk.ts';
import type { Step, Visited } from './visit.ts';

/** A broken constraint: at which field, and Envoy's sentence. */
export interface Violation {
  field: string | undefined;
  reason: string;
}

/** What Envoy demands no more, though the version of its API that is read here does. */
const lifted = new Set(['envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig.resolvers']);

/** The first constraint that a message breaks. */
export function brokenConstraint(visited: Visited, facts: MessageFacts | undefined): Violation | undefined {
  if (!facts) return undefined;
  for (const field of visited.type.fields) {
    const rules = facts.fields?.[field.name]?.rules;
    if (lifted.has(`${visited.type.typeName}.${field.name}`)) continue;
    const problem = rules && fieldViolation(field, rules, visited.value[field.name]);
    if (problem)
      return {
        field: field.name,
        reason: sentence(visited, `${className(visited)}.${pascal(field.name)}: ${problem}`),
      };
  }
  for (const name of facts.required ?? []) {
    const oneof = visited.type.oneofs.find(candidate => candidate.name === name);
    if (!oneof || oneof.fields.some(field => visited.value[field.name] !== undefined)) continue;
    return { field: undefined, reason: sentence(visited, `field: "${name}", reason: is required`) };
  }
  return undefined;
}

function fieldViolation(field: DescField, rules: Record<string, unknown>, value: Json | undefined): string | undefined {
  if (value !== undefined)
    return field.message && !isWellKnown(field.message) && field.fieldKind === 'message'
      ? undefined
      : violation(rules, numbered(field, value));
  if (isRequired(rules) && !field.oneof) return 'value is required';
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT || field.oneof) return undefined;
  return violation(rules, numbered(field, emptyValue(field)));
}

/** Rules speak of the values of an enum by their numbers. */
function numbered(field: DescField, value: Json): Json {
  if (field.fieldKind !== 'enum') return value;
  return field.enum.values.find(({ name }) => name === value)?.number ?? value;
}

/** What an unset field counts as. */
function emptyValue(field: DescField): Json {
  if (field.fieldKind === 'list') return [];
  if (field.fieldKind === 'map') return {};
  if (field.fieldKind === 'enum') return field.enum.values[0]?.name ?? '';
  return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES ? '' : 0;
}

/** Envoy names every message on the way to the one that fails. */
function sentence({ around }: Visited, innermost: string): string {
  const chain = around.map(
    step => `${step.type.name}ValidationError.${fieldName(step)}: embedded message failed validation`,
  );
  return `Proto constraint validation failed (${[...chain, innermost].join(' | caused by ')})`;
}

function fieldName({ field, index }: Step): string {
  return index === undefined ? pascal(field.name) : `${pascal(field.name)}[${index}]`;
}

function className({ type }: Visited): string {
  return `${type.name}ValidationError`;
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
