import { remove } from '../api/request.ts';
import { act } from '../state/learner.ts';
import { TerminalSession } from './session.ts';

const sessions = new Map<string, TerminalSession>();

/** The terminal of that name; made, and connected, when it is first asked for. */
export function terminalSession(name: string): TerminalSession {
  const known = sessions.get(name);
  if (known !== undefined) return known;
  const made = new TerminalSession(name);
  sessions.set(name, made);
  return made;
}

/** Ends a terminal: its shell too. */
export async function endTerminal(name: string): Promise<void> {
  await act(() => remove(`/api/terminals/${encodeURIComponent(name)}`));
  forgetTerminal(name);
}

/** Lets go of the page's side of a terminal. */
export function forgetTerminal(name: string): void {
  sessions.get(name)?.dispose();
  sessions.delete(name);
}

/** Tries all lost connections at once. */
export function retryTerminals(): void {
  for (const session of sessions.values()) session.retry();
}
