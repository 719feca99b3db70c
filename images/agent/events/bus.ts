import type { AgentEvent } from '../protocol/messages.ts';

type Subject = Extract<AgentEvent, { type: 'changed' }>['subject'];

const apartMs = 250;
const mostPaths = 50;

/** Sends events; of each subject of `changed` at once the first, then at most one in a while. */
export class EventBus {
  readonly #send: (event: AgentEvent) => void;
  readonly #resting = new Map<Subject, { again: boolean; paths: Set<string> }>();

  constructor(send: (event: AgentEvent) => void) {
    this.#send = send;
  }

  send(event: AgentEvent): void {
    this.#send(event);
  }

  /** Something that checks may depend on changed. */
  changed(subject: Subject, path?: string): void {
    const rest = this.#resting.get(subject);
    if (!rest) {
      this.#tell(subject, path === undefined ? [] : [path]);
      return;
    }
    rest.again = true;
    if (path !== undefined && rest.paths.size < mostPaths) rest.paths.add(path);
  }

  #tell(subject: Subject, paths: string[]): void {
    this.#send({ type: 'changed', subject, ...(paths.length > 0 ? { paths } : {}) });
    const rest = { again: false, paths: new Set<string>() };
    this.#resting.set(subject, rest);
    setTimeout(() => {
      this.#resting.delete(subject);
      if (rest.again) this.#tell(subject, [...rest.paths]);
    }, apartMs);
  }
}
