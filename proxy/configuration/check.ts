/** Checks a whole canonical configuration: constraints of the API, and whether this proxy obeys every field that is set. */
import type { DescMessage, Registry } from '@bufbuild/protobuf';
import { loadConstraints } from '../api/constraints.js';
import { brokenConstraint } from './constraints.ts';
import { embeddedProblem } from './embedded.ts';
import { ConfigurationError, type Path } from './errors.ts';
import type { JsonObject } from './json.ts';
import { supportOf } from './support.ts';
import { type Visited, visitMessages } from './visit.ts';

type PositionOf = (path: Path) => string;

/** Throws what is wrong first. */
export function checkMessage(type: DescMessage, value: JsonObject, registry: Registry, positionOf: PositionOf): void {
  checkConstraints(type, value, registry, positionOf);
  checkUse(type, value, registry, positionOf);
}

/** Throws the first constraint of the API that is broken: then it is no valid message. */
export function checkConstraints(
  type: DescMessage,
  value: JsonObject,
  registry: Registry,
  positionOf: PositionOf,
): void {
  const facts = loadConstraints();
  const start: Visited = { type, value, path: [], around: [] };
  visitMessages(start, registry, visited => {
    const broken = brokenConstraint(visited, facts[visited.type.typeName]);
    if (broken)
      throw refuse(
        broken.reason,
        broken.field === undefined ? visited.path : [...visited.path, broken.field],
        positionOf,
      );
  });
}

/** Throws the first thing in a valid message that cannot be used. */
export function checkUse(type: DescMessage, value: JsonObject, registry: Registry, positionOf: PositionOf): void {
  const start: Visited = { type, value, path: [], around: [] };
  visitMessages(start, registry, visited => refuseUnsupported(visited, positionOf));
  visitMessages(start, registry, ({ type: inner, value: message, path }) => {
    const problem = embeddedProblem(inner.typeName, message);
    if (problem) throw refuse(problem.reason, [...path, problem.field], positionOf);
  });
}

function refuseUnsupported({ type, value, path }: Visited, positionOf: (path: Path) => string): void {
  for (const [name, inner] of Object.entries(value)) {
    const support = supportOf(type.typeName, name);
    if (support === true) continue;
    if (support === false)
      throw refuse(`this field of ${type.typeName} is not supported by this proxy`, [...path, name], positionOf);
    if (support.includes(String(inner))) continue;
    throw refuse(`${inner} is not supported by this proxy: use ${support.join(' or ')}`, [...path, name], positionOf);
  }
}

function refuse(reason: string, path: Path, positionOf: (path: Path) => string): ConfigurationError {
  return new ConfigurationError(reason, { path, position: positionOf(path) });
}
