/** Expressions of CEL within the configuration. What evaluates them is loaded with the first. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Expr } from '../api/google/api/expr/v1alpha1/syntax_pb.js';
import type { Json } from '../configuration/json.ts';
import type { StreamInfo } from '../stream-info.ts';

export type { Expr };

/** An expression that can be asked about one request or connection after another. */
export interface Expression {
  /** Whether it is true; what cannot be told is not. */
  holds(info: StreamInfo): boolean;
  /** Its value as Envoy prints it, a character for each byte; undefined where there is none. */
  print(info: StreamInfo): string | undefined;
  /** Its value as JSON, texts with a character for each byte; undefined where there is none. */
  value(info: StreamInfo): Json | undefined;
}

type Engine = typeof import('./engine.ts');

let engine: Engine | undefined;

/** From the program beside this one, bundled or not. */
function load(): Engine {
  const bundled = import.meta.filename.endsWith('.cjs');
  const program = join(import.meta.dirname, bundled ? 'proxy-cel.cjs' : 'engine.ts');
  engine ??= createRequire(import.meta.url)(program) as Engine;
  return engine;
}

/** @throws Error in Envoy's words where it is no expression, or one that Envoy refuses */
export function compileExpression(text: string): Expression {
  return load().compileText(text);
}

/** The same for one that is parsed already. */
export function compileParsedExpression(expression: Expr): Expression {
  return load().compileParsed(expression);
}
