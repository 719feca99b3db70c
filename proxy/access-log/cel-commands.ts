/** Operators that print what an expression of CEL finds. */
import { compileExpression } from '../cel/expression.ts';
import { type Command, type Compiler, FormatError } from './command.ts';

const compiled = (argument: string | undefined) => {
  try {
    return compileExpression(argument ?? '');
  } catch (error) {
    throw new FormatError(error instanceof Error ? error.message : String(error));
  }
};

const cel: Compiler = argument => {
  const expression = compiled(argument);
  return info => expression.print(info);
};

/** In JSON of the value's own type; in text as the other prints it. */
const typedCel: Compiler = argument => {
  const expression = compiled(argument);
  const command: Command = info => expression.value(info);
  command.inText = info => expression.print(info);
  return command;
};

export const celCommands: Record<string, Compiler> = { CEL: cel, TYPED_CEL: typedCel };
