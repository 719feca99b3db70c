/** What Envoy refuses of expressions before it evaluates any: what it has switched off, and functions that it does not know. */
import { missingAttributes } from './attributes.ts';
import type { Expr } from './expression.ts';

/** Of the language and its standard library, as Envoy's builder has them: no macros but `has`, no `string()`, no extensions. */
const functions: ReadonlySet<string> = new Set(
  `_?_:_ _&&_ _||_ !_ -_ _+_ _-_ _*_ _/_ _%_ _==_ _!=_ _<_ _<=_ _>_ _>=_ _[_] @in _in_ in
size contains startsWith endsWith matches timestamp duration int uint double bool bytes dyn type
getFullYear getMonth getDayOfYear getDayOfMonth getDate getDayOfWeek getHours getMinutes getSeconds getMilliseconds`.split(
    /\s+/,
  ),
);

/** An expression within another comes after it. */
export function* within(expression: Expr | undefined): Generator<Expr> {
  if (expression === undefined) return;
  yield expression;
  const { exprKind: kind } = expression;
  if (kind.case === 'selectExpr') yield* within(kind.value.operand);
  else if (kind.case === 'callExpr') for (const inner of [kind.value.target, ...kind.value.args]) yield* within(inner);
  else if (kind.case === 'listExpr') for (const inner of kind.value.elements) yield* within(inner);
  else if (kind.case === 'structExpr')
    for (const { keyKind, value } of kind.value.entries) {
      if (keyKind.case === 'mapKey') yield* within(keyKind.value);
      yield* within(value);
    }
}

/**
 * @param regexProblem what is wrong with a pattern; undefined: nothing
 * @throws Error in Envoy's words
 */
export function checkExpression(expression: Expr, regexProblem: (pattern: string) => string | undefined): void {
  const refuse = (reason: string) => new Error(`failed to create an expression: ${reason}`);
  for (const { exprKind: kind } of within(expression)) {
    if (kind.case === 'comprehensionExpr') throw refuse('Comprehension support is disabled');
    if (kind.case === 'selectExpr') refuseMissing(kind.value.operand, kind.value.field);
    if (kind.case !== 'callExpr') continue;
    const { function: name, args } = kind.value;
    if (!functions.has(name)) throw refuse(`No overload found in reference resolve step for ${name}`);
    if (name === '_[_]') refuseMissing(args[0], constantText(args[1]));
    const pattern = name === 'matches' ? constantText(args.at(-1)) : undefined;
    const problem = pattern === undefined ? undefined : regexProblem(pattern);
    if (problem !== undefined) throw refuse(`invalid regular expression: ${problem}`);
  }
}

function refuseMissing(operand: Expr | undefined, field: string | undefined): void {
  if (operand?.exprKind.case !== 'identExpr') return;
  const name = `${operand.exprKind.value.name}.${field}`;
  if (missingAttributes.has(name)) throw new Error(`the attribute ${name} is not supported by this proxy`);
}

function constantText(expression: Expr | undefined): string | undefined {
  const kind = expression?.exprKind;
  if (kind?.case !== 'constExpr') return undefined;
  const { constantKind } = kind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}
