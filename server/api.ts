/** What pages and server say to each other: bodies of HTTP requests and answers, and events. Types alone; `web/` imports only these. */

/** The body of every answer with a status of 400 and more. */
export interface ApiError {
  error: {
    /** Stable, for programs: `wrong-code`, `not-signed-in`, `not-found`, `invalid`, `too-large`, `busy`, … */
    code: string;
    /** What and why, for people. */
    message: string;
    /** What to do about it. */
    remedy?: string;
  };
}

// ---- signing in
// The secrets stand in the fragment of the addresses, which no browser sends: `/#code=CODE` (join), `/#key=KEY` (a learner goes on in another
// browser) and `/instructor#secret=SECRET`. The page takes them from `location.hash`, posts them, and removes them from the address. A learner
// and an instructor may be signed in in the same browser: each role has its own cookie.
/**
 * GET /api/me: the learner that is signed in, else the instructor. `/api/me?as=instructor` looks at the instructor alone, `?as=learner` at the
 * learner alone. Without a session: `role: null`.
 */
export interface Me {
  role: 'learner' | 'instructor' | null;
  name: string | null;
  workshopTitle: string;
  /** The server is on loopback for one person: joining needs no name. */
  alone: boolean;
  /** Whether the workshop's code lets people in. */
  byCode: boolean;
  /** When the class starts, in milliseconds since the epoch; null: nobody said. */
  startsAtMs: number | null;
  /** The organisation whose people sign in at `/api/oidc/start?as=…`; null: none. */
  organisation: string | null;
}
/**
 * Why signing in by the organisation did not work: the page at which it was begun is opened again with `#refused=REASON`. `ended`: by the person;
 * `late`: not begun in this browser, or too long ago; `away`: the issuer does not answer; `failed`: all else, which the server's log tells.
 */
export type SignInRefusal =
  | 'ended'
  | 'late'
  | 'no-instructor'
  | 'no-learner'
  | 'full'
  | 'too-many-tries'
  | 'away'
  | 'failed';
/**
 * POST /api/join, with the workshop's code. Answers `Me` and sets the cookie. Where one is alone the name may be empty: the one learner of this
 * machine, whichever browser asks. 403 `wrong-code`, 409 `name-taken`, 400 `invalid-name`, 429 `too-many-tries`.
 */
export interface JoinRequest {
  code: string;
  name: string;
}
/** POST /api/sign-in: the instructor's secret, or a learner's own key (from `ResumeLink`). Answers `Me` and sets the cookie. */
export interface SignInRequest {
  secret: string;
}
// POST /api/sign-out                               ends the session of this browser, of the role in `?as=…` (default learner); 204
/** POST /api/resume-link: a link by which this learner goes on in another browser. */
export interface ResumeLink {
  url: string;
}

// ---- content
/** GET /api/workshop */
export interface WorkshopOutline {
  title: string;
  /** Of the deck that the workshop follows. */
  author: string;
  revision: string;
  modules: ModuleOutline[];
}
export interface ModuleOutline {
  id: string;
  title: string;
  lessons: LessonOutline[];
}
export interface LessonOutline {
  id: string;
  title: string;
  minutes: number;
  core: boolean;
  /** The slide that this lesson belongs to. */
  slide: string | null;
  exercises: { id: string; title: string }[];
}
/** GET /api/lessons/:id */
export interface LessonPage {
  id: string;
  title: string;
  module: { id: string; title: string };
  minutes: number;
  slide: string | null;
  previous: string | null;
  next: string | null;
  /**
   * Sanitized HTML. Commands are `<pre data-run="TEXT" data-terminal="NAME">`, the places of exercises `<div data-exercise="ID">`, links
   * to slides `<a data-slide="ID">`, to lessons `<a data-lesson="ID">`.
   */
  html: string;
  /** Files that the editor offers, relative to the home. */
  files: string[];
  /** The terminals that the lesson uses, first the one that is shown. */
  terminals: string[];
  /** What the live picture shows first. */
  picture: LivePicture;
  exercises: ExercisePage[];
}
/** `requests` as the proxies report them; `traces` too, as a collector in the sandbox has them. */
export type LivePicture = 'requests' | 'traces';
export interface ExercisePage {
  id: string;
  title: string;
  taskHtml: string;
  minutes: number;
  core: boolean;
  hints: number;
  checks: { id: string; title: string }[];
  /** What the learner is asked to type or choose, if anything. */
  question:
    | { kind: 'answer'; label: string }
    | { kind: 'quiz'; label: string; options: { id: string; html: string }[] }
    | null;
}
/** GET /api/slides */
export interface SlideDeck {
  slides: { id: string; title: string; html: string; notesHtml: string; lesson: string | null; module: string }[];
}

// ---- a learner's state
export type SandboxState =
  | { phase: 'none' }
  | { phase: 'queued'; place: number }
  /** `steps`: done ones and the current one, in words. */
  | { phase: 'starting'; steps: { title: string; done: boolean }[] }
  | { phase: 'ready'; provider: string; expiresAtMs: number | null }
  | { phase: 'reconnecting' }
  | { phase: 'failed'; message: string; remedy?: string }
  | { phase: 'ended'; reason: string };

export interface CheckState {
  id: string;
  title: string;
  state: 'unknown' | 'running' | 'passed' | 'failed';
  /** In words, with numbers: "504 after about 1 s". */
  expected?: string;
  found?: string;
  /** Why, where expected and found alone do not tell. */
  hint?: string;
}
export interface ExerciseState {
  id: string;
  passed: boolean;
  passedAtMs: number | null;
  openedAtMs: number | null;
  /** Distinct failures since it was opened; what "stuck" is told from. */
  failures: number;
  checks: CheckState[];
  hintsHtml: string[];
  solutionHtml: string | null;
  /** How it was solved. */
  solvedBy: 'learner' | 'shown' | null;
}
/** A long action that runs for the learner: solution, reset, catching up. */
export interface ActionState {
  kind: 'solve' | 'reset' | 'catch-up';
  lesson: string;
  exercise: string | null;
  steps: { title: string; done: boolean }[];
  failure: string | null;
}
export interface LearnerState {
  id: string;
  name: string;
  sandbox: SandboxState;
  terminals: TerminalState[];
  /** Every exercise that was ever opened, by id. */
  exercises: Record<string, ExerciseState>;
  lesson: string | null;
  action: ActionState | null;
  messages: InstructorMessage[];
  /** The slide that the instructor asks all to follow. */
  followSlide: string | null;
  /** When all that the learner made and did is deleted; null: no time is set. */
  deletesAtMs: number | null;
  /** The database is away: progress is kept by the server and saved when it is back. */
  savingPaused: boolean;
}
export interface TerminalState {
  name: string;
  atPrompt: boolean;
  exitStatus: number | null;
}
export interface InstructorMessage {
  id: string;
  text: string;
  atMs: number;
}

/**
 * WebSocket /api/events, text frames of JSON, server to page. First `state`; after a reconnect too, so that nothing is missed.
 * The page sends nothing but `{"type":"ping"}`.
 */
export type LearnerEvent =
  | { type: 'state'; state: LearnerState }
  | { type: 'sandbox'; sandbox: SandboxState }
  | { type: 'terminals'; terminals: TerminalState[] }
  | { type: 'exercise'; exercise: ExerciseState }
  | { type: 'action'; action: ActionState | null }
  | { type: 'message'; message: InstructorMessage }
  | { type: 'follow-slide'; slide: string | null }
  | { type: 'traffic'; requests: TrafficRequest[]; dropped: number }
  | { type: 'files'; paths: string[] }
  | { type: 'notice'; text: string }
  | { type: 'saving'; paused: boolean }
  | { type: 'deletes-at'; atMs: number | null }
  | { type: 'signed-out' };

/** One request through the learner's proxy, as the proxy reported it. */
export interface TrafficRequest {
  atMs: number;
  requestId: string;
  listener: string;
  method: string;
  path: string;
  authority: string;
  status: number;
  flags: string;
  durationMs: number;
  cluster: string;
  /** Where the proxy tells what decided it, `host:port` of its admin interface; '' where it does not. */
  explainedAt: string;
  attempts: { host: string; status: number | null; flag: string; startMs: number; durationMs: number }[];
}

/** GET /api/requests/:id/explanation?at=…, with `requestId` and `explainedAt` of a request: what decided it, in this order. 404 where nobody knows any more. */
export interface RequestExplanation {
  /** Why the lines are not known; '' where they are. */
  problem: string;
  decisions: RequestDecision[];
}
export interface RequestDecision {
  /** What kind of thing: `route`, `retry`, … */
  by: string;
  name: string;
  why: string;
  /** The file that says so, as the proxy was given it; null where no line of one does. */
  position: { file: string; line: number; text: string } | null;
  /** The resource that says so, where that came by xDS; '' otherwise. */
  resource: string;
  /** Where in the configuration, or in the resource; '' where nowhere. */
  path: string;
}

/** GET /api/traces: the last traces that a collector on port 9411 of the sandbox has; it may be asked again and again while a page shows them. */
export interface CollectedTraces {
  /** The newest first; null: no collector answers. */
  traces: Trace[] | null;
}
export interface Trace {
  id: string;
  spans: TraceSpan[];
}
/** One part of a trace, as who told of it has it. */
export interface TraceSpan {
  id: string;
  /** The span for whose sake it was; null: it began the trace. */
  parentId: string | null;
  /** Another span has the same id: the caller's. */
  shared: boolean;
  name: string;
  /** Who told of it. */
  service: string;
  /** Milliseconds since the epoch, and parts of one. */
  atMs: number;
  durationMs: number;
  tags: [name: string, value: string][];
}

// ---- what a learner does; all POST unless said otherwise, all answer 204 unless said otherwise; results come as events
// POST   /api/sandbox/start                        start it, or start it again after it ended or failed
// POST   /api/sandbox/extend
// POST   /api/lessons/:id/open                     the learner looks at this lesson: its exercises' checks run by themselves
// POST   /api/lessons/:id/catch-up                 bring the sandbox to this lesson's starting state
// POST   /api/exercises/:id/check                  run the checks now
// POST   /api/exercises/:id/hint                   show the next hint
// POST   /api/exercises/:id/solution               show the solution's text
// POST   /api/exercises/:id/solve                  do it before their eyes
// POST   /api/exercises/:id/reset
// POST   /api/exercises/:id/answer                 AnswerRequest → AnswerResult (200)
// POST   /api/terminals/:name/run                  RunRequest: types the command when the shell waits at its prompt; 409 `busy` otherwise
// DELETE /api/terminals/:name
// GET    /api/files?path=…                         FileContent
// PUT    /api/files?path=…                         FileWrite → FileContent; 409 `changed` when the file is newer than `modifiedMs`
// WebSocket /api/terminals/:name?columns=…&rows=…&resumeFrom=…   binary messages of images/agent/protocol/terminal.ts
export interface AnswerRequest {
  /** The text typed, or the id of the option. */
  value: string;
}
export interface AnswerResult {
  right: boolean;
  /** Why it is right or not. */
  explanationHtml: string;
}
export interface RunRequest {
  command: string;
}
export interface FileContent {
  path: string;
  content: string;
  modifiedMs: number;
}
export interface FileWrite {
  content: string;
  /** What the editor last read; null to write whatever is there. */
  modifiedMs: number | null;
}

// ---- the instructor
/** WebSocket /api/instructor/events. First `class`. */
export type InstructorEvent =
  | { type: 'class'; class: ClassState }
  | { type: 'learner'; learner: LearnerRow }
  | { type: 'learner-removed'; id: string }
  | { type: 'follow-slide'; slide: string | null }
  | { type: 'message'; message: InstructorMessage };
/** What a class is set up as; each may be left open. Times are milliseconds since the epoch. */
export interface ClassPlan {
  /** How many learners are expected: around the start a sandbox waits for each of them. */
  size: number | null;
  /** From then on the class keeps the content that it has. */
  startsAtMs: number | null;
  /** When learners are removed, with all that they made and did. */
  deletesAtMs: number | null;
}
export interface ClassContent {
  /** Of the lessons that are shown. */
  revision: string;
  /** Of those in the server's folder. */
  newest: string;
  /** The class has begun, and keeps its own. */
  kept: boolean;
}
export interface ClassState {
  plan: ClassPlan;
  content: ClassContent;
  /** How many sandboxes may run at once at one server. */
  maximumSandboxes: number;
  /** Why no sandbox can run at this server just now, which is tried again; null: they can, or it is not known yet. */
  trouble: string | null;
  learners: LearnerRow[];
  joinUrl: string;
  code: string;
  followSlide: string | null;
  messages: InstructorMessage[];
}
export interface LearnerRow {
  id: string;
  name: string;
  online: boolean;
  joinedAtMs: number;
  lastSeenAtMs: number;
  sandbox: SandboxState;
  lesson: string | null;
  /** By exercise id: only those that were opened. */
  exercises: Record<
    string,
    {
      passed: boolean;
      openedAtMs: number | null;
      passedAtMs: number | null;
      failures: number;
      solvedBy: 'learner' | 'shown' | null;
    }
  >;
  /** The exercise that is open and not passed, if any. */
  current: string | null;
  lastCheck: { exercise: string; check: CheckState; atMs: number } | null;
  stuck: boolean;
}
// POST /api/instructor/learners/:id/start | reset | end | extend | remove
// POST /api/instructor/learners/:id/catch-up       CatchUpRequest
// POST /api/instructor/message                     MessageRequest
// POST /api/instructor/follow-slide                FollowSlideRequest
// POST /api/instructor/class/plan                  ClassPlan; 400 `invalid`
// POST /api/instructor/class/code                  makes a new code to join by: the one before opens nothing any more
// POST /api/instructor/class/content               takes the content of the server's folder from its next start on
export interface CatchUpRequest {
  lesson: string;
}
export interface MessageRequest {
  text: string;
}
export interface FollowSlideRequest {
  slide: string | null;
}
