import type { TerminalStatus } from '../../images/agent/protocol/messages.ts';
import type { AgentClient } from '../agent/client.ts';
import type {
  AnswerResult,
  FileContent,
  FileWrite,
  InstructorMessage,
  LearnerEvent,
  LearnerRow,
  LearnerState,
  SandboxState,
  TerminalState,
} from '../api.ts';
import { judgeAnswer } from '../checks/run.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Lesson } from '../labs/content.ts';
import { openLesson } from '../labs/steps.ts';
import type { Sandbox } from '../providers/provider.ts';
import type { LearnerRecord, SandboxRecord } from '../store/store.ts';
import { catchUp, resetTo, solve } from './action-works.ts';
import { Actions } from './actions.ts';
import { askAgent } from './agent-calls.ts';
import { CheckRunner } from './check-runner.ts';
import { readFile, writeFile } from './files.ts';
import { LessonView } from './lesson-view.ts';
import type { Progress } from './progress.ts';
import { SandboxLife } from './sandbox-life.ts';
import type { SessionServices } from './services.ts';
import { type TerminalView, terminalNameOf, viewTerminal } from './terminals.ts';

/** What a session asks of the class that it belongs to. */
export interface SessionClass {
  services: SessionServices;
  messages(): InstructorMessage[];
  followSlide(): string | null;
  deletesAtMs(): number | null;
  /** The learner's row on the instructor's map has changed. */
  rowChanged(session: LearnerSession): void;
}

/** One learner: their sandbox, progress and pages. */
export class LearnerSession {
  readonly id: string;
  readonly name: string;
  readonly joinedAtMs: number;
  readonly #class: SessionClass;
  readonly #services: SessionServices;
  readonly #progress: Progress;
  readonly #life: SandboxLife;
  readonly #checks: CheckRunner;
  readonly #actions: Actions;
  readonly #pages = new Set<(event: LearnerEvent) => void>();
  #terminals: TerminalState[] = [];
  readonly #view: LessonView;
  #lastSeenAtMs: number;

  constructor(record: LearnerRecord, progress: Progress, classroom: SessionClass) {
    this.id = record.id;
    this.name = record.name;
    this.joinedAtMs = record.joinedAtMs;
    this.#lastSeenAtMs = record.lastSeenAtMs;
    this.#class = classroom;
    this.#services = classroom.services;
    this.#progress = progress;
    this.#view = new LessonView(this.#services.workshop, progress, record.lesson);
    this.#life = new SandboxLife(record, this.#services, {
      changed: state => this.#sandboxChanged(state),
      attached: agent => this.#attached(agent),
      notice: text => this.#publish({ type: 'notice', text }),
    });
    this.#actions = new Actions(this.#services.log, action => this.#publish({ type: 'action', action }));
    this.#checks = new CheckRunner({
      learner: this.id,
      services: this.#services,
      progress,
      agent: () => this.#life.agent,
      open: () => this.#view.exercises(),
      counts: () => this.#actions.running === null,
      changed: exercise => this.#exerciseChanged(exercise),
    });
  }

  // ---- pages

  /** Sends events to a page, first the whole state. Answers how to stop. */
  subscribe(page: (event: LearnerEvent) => void): () => void {
    this.#pages.add(page);
    this.touch();
    page({ type: 'state', state: this.state() });
    this.#class.rowChanged(this);
    return () => {
      this.#pages.delete(page);
      this.#lastSeenAtMs = Date.now();
      this.#class.rowChanged(this);
      this.#services.store
        .setLastSeen(this.id, this.#lastSeenAtMs)
        .catch(error => this.#services.log.warn('last seen was not stored', { cause: messageOf(error) }));
    };
  }

  get online(): boolean {
    return this.#pages.size > 0;
  }

  state(): LearnerState {
    return {
      id: this.id,
      name: this.name,
      sandbox: this.#life.state,
      terminals: this.#terminals,
      exercises: this.#progress.states(),
      lesson: this.#view.id,
      action: this.#actions.state,
      messages: this.#class.messages(),
      followSlide: this.#class.followSlide(),
      deletesAtMs: this.#class.deletesAtMs(),
      savingPaused: this.#services.saving.paused,
    };
  }

  /** The learner's row on the instructor's map. */
  row(): LearnerRow {
    return {
      id: this.id,
      name: this.name,
      online: this.online,
      joinedAtMs: this.joinedAtMs,
      lastSeenAtMs: this.online ? Date.now() : this.#lastSeenAtMs,
      sandbox: this.#life.state,
      ...this.#view.row(),
      stuck: this.stuck(Date.now()),
    };
  }

  /** Who is away is not stuck. */
  stuck(nowMs: number): boolean {
    return this.online && this.#view.stuck(nowMs);
  }

  /** Something that the whole class is told. */
  publish(event: LearnerEvent): void {
    this.#publish(event);
  }

  // ---- sandbox

  /** The learner does something: the sandbox is in use. */
  touch(): void {
    this.#life.touch();
  }

  startSandbox(): void {
    this.#life.start();
  }

  extendSandbox(): void {
    this.#life.extend();
  }

  async endSandbox(reason: string): Promise<void> {
    await this.#actions.cancel(reason);
    await this.#life.end(reason);
  }

  /** An earlier server made a sandbox for this learner: `adoptSandbox` or `tellSandboxGone` follows. */
  expectSandbox(): void {
    this.#life.expect();
  }

  /** Takes over a sandbox that outlived another server. */
  adoptSandbox(sandbox: Sandbox, record: SandboxRecord): void {
    this.#life.adopt(sandbox, record);
  }

  /** The sandbox that an earlier server made is not there any more. */
  tellSandboxGone(): void {
    this.#life.tellGone();
  }

  /** Ends the session in this server; `keep` lets the sandbox live. */
  async close(keep: boolean): Promise<void> {
    await Promise.all([this.#actions.cancel('The server ends.'), this.#checks.stop()]);
    await (keep ? this.#life.detach() : this.#life.end('The server was stopped. Your files are kept.'));
  }

  // ---- lessons and exercises

  async openLesson(id: string): Promise<void> {
    const lesson = this.#lessonOf(id);
    this.#view.open(lesson);
    const { store, saving } = this.#services;
    await saving.save(`lesson ${this.id}`, () => store.setLesson(this.id, id));
    for (const exercise of lesson.exercises) {
      await this.#progress.open(exercise.id);
      this.#exerciseChanged(exercise.id);
    }
    this.#class.rowChanged(this);
    this.#checks.schedule();
    await this.#giveFiles(lesson);
  }

  async checkNow(id: string): Promise<void> {
    this.#progress.exercise(id);
    this.requireAgent();
    await this.#checks.runNow(id);
    this.#exerciseChanged(id);
  }

  async showHint(id: string): Promise<void> {
    const { hintsHtml } = this.#progress.exercise(id);
    const { hints } = this.#progress.record(id);
    if (hints < hintsHtml.length) await this.#progress.change(id, { hints: hints + 1 });
    this.#exerciseChanged(id);
  }

  async showSolution(id: string): Promise<void> {
    await this.#progress.change(id, { solutionShown: true });
    this.#exerciseChanged(id);
  }

  async answer(id: string, value: string): Promise<AnswerResult> {
    const exercise = this.#progress.exercise(id);
    const agent = this.requireAgent();
    await this.#progress.open(id);
    await this.#progress.change(id, { answer: value });
    const context = { agent, learner: this.id, answer: value, signal: AbortSignal.timeout(20_000) };
    const result = await askAgent(() => judgeAnswer(exercise, value, context));
    // What else the exercise checks may take a while: whoever answers is told at once.
    void this.#checks.runNow(id);
    return result;
  }

  // ---- what is done for the learner

  solve(id: string): void {
    const exercise = this.#progress.exercise(id);
    this.#actions.start({ kind: 'solve', lesson: exercise.lesson, exercise: id }, async (tell, signal) => {
      await this.showSolution(id);
      const context = { agent: await this.#life.ready(), learner: this.id, signal };
      const { answer, kept } = await solve(this.#services.workshop, exercise, context, tell);
      this.#tellKept(kept);
      if (answer !== undefined) await this.#progress.change(id, { answer });
      await this.#checks.runNow(id);
    });
  }

  resetExercise(id: string): void {
    const { lesson } = this.#progress.exercise(id);
    this.#reset(this.#lessonOf(lesson), id);
  }

  /** Brings the lesson that is open back to where it starts. */
  resetLesson(): void {
    const { lesson } = this.#view;
    if (!lesson) throw new UnicornError('invalid', 'No lesson is open, so there is nothing to reset.');
    this.#reset(lesson, null);
  }

  catchUp(id: string): void {
    const lesson = this.#lessonOf(id);
    this.#actions.start({ kind: 'catch-up', lesson: id, exercise: null }, async (tell, signal) => {
      await this.#quietly(async () => {
        const agent = await this.#life.ready();
        this.#tellKept(await catchUp(this.#services.workshop, id, agent, tell, signal));
      });
      await this.openLesson(lesson.id);
    });
  }

  #reset(lesson: Lesson, exercise: string | null): void {
    this.#actions.start({ kind: 'reset', lesson: lesson.id, exercise }, async (tell, signal) => {
      await this.#quietly(async () => {
        const agent = await this.#life.ready();
        for (const { id } of lesson.exercises) if (exercise === null || id === exercise) await this.#progress.reset(id);
        for (const { id } of lesson.exercises) this.#exerciseChanged(id);
        this.#tellKept(await resetTo(this.#services.workshop, lesson.id, exercise, agent, tell, signal));
      });
    });
  }

  /** Runs no checks meanwhile: they would judge what is half done. */
  async #quietly(work: () => Promise<void>): Promise<void> {
    this.#checks.pause();
    try {
      await work();
    } finally {
      this.#checks.resume();
    }
  }

  #tellKept(kept: { from: string; to: string }[]): void {
    if (kept.length === 0) return;
    const names = kept.map(({ from, to }) => `${from} is now ${to}`).join(', ');
    this.#publish({ type: 'notice', text: `Your files were kept aside: ${names}.` });
  }

  // ---- terminals and files

  /** Checks what a page asks to see; answers how to attach its socket. */
  async terminalView(name: string, parameters: URLSearchParams): Promise<TerminalView> {
    return viewTerminal(this.requireAgent(), name, parameters, () => this.touch());
  }

  async runInTerminal(name: string, command: string): Promise<void> {
    const terminal = terminalNameOf(name);
    const agent = this.requireAgent();
    const timing = { wait: 'typed', promptTimeoutMs: 2000, timeoutMs: 5000 } as const;
    await askAgent(() => agent.call('terminal.run', { terminal, command, ...timing }));
  }

  async closeTerminal(name: string): Promise<void> {
    const terminal = terminalNameOf(name);
    const agent = this.requireAgent();
    await askAgent(() => agent.call('terminal.close', { terminal }));
  }

  readFile(path: string): Promise<FileContent> {
    return readFile(this.requireAgent(), path);
  }

  writeFile(path: string, write: FileWrite): Promise<FileContent> {
    return writeFile(this.requireAgent(), path, write);
  }

  // ---- inside

  /** @throws UnicornError `no-sandbox` where none runs */
  requireAgent(): AgentClient {
    const { agent } = this.#life;
    if (agent) return agent;
    throw new UnicornError(
      'no-sandbox',
      'There is no sandbox to do this in right now.',
      'Start it, and wait until it is ready.',
    );
  }

  #lessonOf(id: string): Lesson {
    const lesson = this.#services.workshop.lessons.get(id);
    if (!lesson) throw new UnicornError('not-found', 'There is no such lesson in this workshop.');
    return lesson;
  }

  #publish(event: LearnerEvent): void {
    for (const page of this.#pages) page(event);
  }

  #exerciseChanged(id: string): void {
    this.#publish({ type: 'exercise', exercise: this.#progress.state(id) });
    this.#class.rowChanged(this);
  }

  #sandboxChanged(sandbox: SandboxState): void {
    this.#publish({ type: 'sandbox', sandbox });
    if (sandbox.phase !== 'ready' && sandbox.phase !== 'reconnecting' && this.#terminals.length > 0)
      this.#setTerminals([]);
    this.#class.rowChanged(this);
  }

  #setTerminals(terminals: TerminalStatus[]): void {
    this.#terminals = terminals.map(({ terminal: name, atPrompt, exitStatus }) => ({ name, atPrompt, exitStatus }));
    this.#publish({ type: 'terminals', terminals: this.#terminals });
  }

  #attached(agent: AgentClient): void {
    agent.onEvent(event => {
      if (agent !== this.#life.agent) return;
      if (event.type === 'terminals') {
        this.#setTerminals(event.terminals);
      } else if (event.type === 'traffic') this.#publish(event);
      else if (event.type === 'limit') this.#publish({ type: 'notice', text: event.message });
      else {
        if (event.subject === 'files') this.#publish({ type: 'files', paths: event.paths ?? [] });
        if (event.subject === 'files' || event.subject === 'processes') this.#checks.scheduleTwice();
        else this.#checks.schedule();
      }
    });
    this.#settleIn(agent).catch(error => {
      this.#services.log.warn('a sandbox could not be looked into', { learner: this.id, cause: messageOf(error) });
    });
  }

  async #settleIn(agent: AgentClient): Promise<void> {
    const { terminals } = await agent.call('terminal.list', {});
    if (agent !== this.#life.agent) return;
    this.#setTerminals(terminals);
    if (this.#view.lesson) await this.#giveFiles(this.#view.lesson);
    this.#checks.schedule();
  }

  async #giveFiles(lesson: Lesson): Promise<void> {
    const { agent } = this.#life;
    if (!agent || this.#actions.running) return;
    await askAgent(() => openLesson(lesson, agent, AbortSignal.timeout(10_000)));
  }
}
