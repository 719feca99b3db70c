/** `COALESCE({"operators": […]})`: the first of several operators that finds something. */
import { isObject, type Json } from '../configuration/json.ts';
import { type Command, type Compiler, FormatError } from './command.ts';

/** One operator, by its name or as `{command, param, max_length}`. */
type CompileOne = (name: string, argument: string | undefined, hasLength: boolean) => Command;

function compileEntry(entry: Json | undefined, compile: CompileOne): Command {
  if (typeof entry === 'string') return compile(entry, undefined, false);
  if (!isObject(entry) || typeof entry.command !== 'string' || entry.command === '')
    throw new FormatError("COALESCE: operator entry must be a string or an object with a 'command'");
  const limit = entry.max_length;
  const argument = typeof entry.param === 'string' ? entry.param : undefined;
  const command = compile(entry.command, argument, typeof limit === 'number');
  if (typeof limit !== 'number') return command;
  return info => {
    const value = command(info);
    return typeof value === 'string' ? value.slice(0, limit) : value;
  };
}

function operatorsOf(argument: string | undefined): Json[] {
  let parsed: Json;
  try {
    parsed = JSON.parse(argument ?? '') as Json;
  } catch (error) {
    throw new FormatError(`COALESCE: failed to parse JSON configuration: ${(error as Error).message}`);
  }
  const operators = isObject(parsed) ? parsed.operators : undefined;
  if (!Array.isArray(operators)) throw new FormatError("COALESCE: JSON configuration must contain 'operators' array");
  if (operators.length === 0) throw new FormatError("COALESCE: 'operators' array must not be empty");
  return operators;
}

/** @param compile how the operators in it are compiled */
export const coalesce =
  (compile: CompileOne): Compiler =>
  argument => {
    const commands = operatorsOf(argument).map((entry, index) => {
      try {
        return compileEntry(entry, compile);
      } catch (error) {
        throw new FormatError(`COALESCE: failed to parse operator at index ${index}: ${(error as Error).message}`);
      }
    });
    return info => {
      for (const command of commands) {
        const value = command(info);
        if (value !== undefined) return value;
      }
      return undefined;
    };
  };
