import type { WebSocket } from 'ws';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';
import type { AgentClient } from '../agent/client.ts';
import { UnicornError } from '../errors.ts';

export type TerminalView = (socket: WebSocket) => void;

/** A terminal's name, as it was asked for. @throws UnicornError `invalid` */
export function terminalNameOf(name: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,31}$/.test(name)) return name;
  throw new UnicornError('invalid', 'A terminal has a name of 1 to 32 letters, digits, dots and dashes.');
}

/**
 * Checks what a page asks to see of a terminal; answers how to attach its socket.
 *
 * @param typed called when the learner types
 */
export async function viewTerminal(
  agent: AgentClient,
  name: string,
  parameters: URLSearchParams,
  typed: () => void,
): Promise<TerminalView> {
  const options = {
    terminal: terminalNameOf(name),
    columns: numberOf(parameters, 'columns', 2, 1000) ?? 80,
    rows: numberOf(parameters, 'rows', 1, 1000) ?? 24,
    ...optional('resumeFrom', numberOf(parameters, 'resumeFrom', 0, Number.MAX_SAFE_INTEGER)),
    readOnly: false,
  };
  const { relayTerminal } = await import('../terminal/relay.ts');
  return socket => {
    socket.on('message', (data: Buffer) => {
      if (data[0] === terminalMessage.input) typed();
    });
    relayTerminal(socket, agent, options);
  };
}

function numberOf(parameters: URLSearchParams, name: string, low: number, high: number): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UnicornError('invalid', `${name} is not a whole number from ${low} to ${high}.`);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
