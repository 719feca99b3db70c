/**
 * Evaluates expressions of CEL, by @bufbuild/cel. A bundle of its own, which only a proxy loads whose configuration has expressions: library and
 * schema take more memory than the rest of a small configuration.
 */
import { type CelEnv, CelScalar, celEnv, celFunc, isCelError, listType, parse, plan } from '@bufbuild/cel';
import type { StreamInfo } from '../stream-info.ts';
import { attributesOf } from './attributes.ts';
import { checkExpression, within } from './check-expression.ts';
import type { Expr, Expression } from './expression.ts';
import { jsonOf, printed } from './values.ts';

/** The library's own declaration of the same message. */
type Planned = Parameters<typeof plan>[1];

const { BYTES, STRING, DYN } = CelScalar;

function refuseConcatenation(): never {
  throw new Error('Envoy joins no texts and lists in expressions');
}

const lists = listType(DYN);

const environment: CelEnv = celEnv({
  funcs: [
    celFunc('_+_', [STRING, STRING], STRING, refuseConcatenation),
    celFunc('_+_', [BYTES, BYTES], BYTES, refuseConcatenation),
    celFunc('_+_', [lists, lists], lists, refuseConcatenation),
  ],
});

/** @throws Error in Envoy's words where it is no expression, or one that Envoy refuses */
export function compileText(text: string): Expression {
  return compileParsed(parsed(text));
}

function parsed(text: string): Expr {
  try {
    return parse(text).expr as unknown as Expr;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Not able to parse expression: ${reason}`);
  }
}

/** The same for one that is parsed already. */
export function compileParsed(expression: Expr): Expression {
  checkExpression(expression, regexProblem);
  const run = plan(environment, planned(expression));
  const evaluate = (info: StreamInfo) => {
    const value = run(attributesOf(info));
    return isCelError(value) ? undefined : value;
  };
  return {
    holds: info => evaluate(info) === true,
    print: info => {
      const value = evaluate(info);
      return value === undefined ? undefined : printed(value);
    },
    value: info => {
      const value = evaluate(info);
      return value === undefined ? undefined : jsonOf(value);
    },
  };
}

/** The library's message has a field of lists that Envoy's API of these protos has not. */
function planned(expression: Expr): Planned {
  for (const { exprKind: kind } of within(expression))
    if (kind.case === 'listExpr' && !('optionalIndices' in kind.value))
      Object.assign(kind.value, { optionalIndices: [] });
  return expression as unknown as Planned;
}

const tried = plan(environment, parse(`''.matches(pattern)`));

/** What is wrong with a regular expression; undefined: nothing. */
function regexProblem(pattern: string): string | undefined {
  const result = tried({ pattern });
  return isCelError(result) ? result.message : undefined;
}
