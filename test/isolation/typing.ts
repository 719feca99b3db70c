import type { Terminal } from '../clients/terminal.ts';

const patience = 60_000;

/** Types a command and waits for a line of its output that is not in the command. */
export async function says(terminal: Terminal, command: string, answer: string): Promise<void> {
  await terminal.prompt(patience);
  let seen = '';
  const heard = terminal.until(answer, patience, bytes => {
    seen += bytes.toString('latin1');
    return seen.includes(answer);
  });
  terminal.type(`${command}\r`);
  await heard;
}
