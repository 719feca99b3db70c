/** The content of a workshop as the loader hands it out: everything read, checked and linked; files' contents are in memory. */
import type { LivePicture } from '../api.ts';

export interface Workshop {
  title: string;
  /** Of the deck that the workshop follows. */
  author: string;
  /** Changes with every byte of the content; a running class keeps the one that it started with. */
  revision: string;
  modules: Module[];
  /** In the order of the outline. */
  lessons: ReadonlyMap<string, Lesson>;
  exercises: ReadonlyMap<string, Exercise>;
  slides: Slide[];
}

export interface Module {
  id: string;
  title: string;
  lessons: Lesson[];
}

export interface Lesson {
  id: string;
  title: string;
  module: { id: string; title: string };
  minutes: number;
  core: boolean;
  slide: string | null;
  terminals: string[];
  picture: LivePicture;
  /** What the editor offers, relative to the home. */
  files: string[];
  /** Written into the home when the lesson is opened, where they are missing. */
  givenFiles: GivenFile[];
  /** The exercises whose solutions lead from a fresh sandbox to this lesson's starting state, in order. */
  start: Exercise[];
  exercises: Exercise[];
  html: string;
}

export interface GivenFile {
  path: string;
  content: string;
}

export interface Exercise {
  /** Permanent: progress is stored by it. */
  id: string;
  title: string;
  lesson: string;
  minutes: number;
  core: boolean;
  taskHtml: string;
  checks: Check[];
  hintsHtml: string[];
  solution: { html: string; steps: Step[] };
  nearMisses: NearMiss[];
  alternatives: Alternative[];
}

/** A state that is almost right: made from the solved state by `steps`. */
export interface NearMiss {
  name: string;
  /** Why it is not right, for authors and for the report. */
  why: string;
  /** The id of the check that must fail on it. */
  fails: string;
  steps: Step[];
}

/** Another way to solve it, from the starting state. */
export interface Alternative {
  name: string;
  steps: Step[];
}

/** What a machine does in the learner's place. */
export type Step =
  | { kind: 'run'; command: string; terminal: string; anyExit: boolean }
  | { kind: 'serve'; command: string; terminal: string; port: number }
  | { kind: 'stop'; terminal: string }
  | { kind: 'write'; path: string; content: string }
  | { kind: 'edit'; path: string; replace: string; by: string };

export type Check =
  | ProcessCheck
  | ArrivalsCheck
  | TracesCheck
  | ReplayCheck
  | StatsCheck
  | ConfigCheck
  | ValidateCheck
  | AnswerCheck
  | QuizCheck;

interface CheckBase {
  id: string;
  title: string;
  /** Shown with every failure that has no closer hint. */
  hint: string | null;
}

/** A program of the learner's runs, and listens where it should. */
export interface ProcessCheck extends CheckBase {
  type: 'process';
  program: string;
  port: number | null;
  /** Where it has to listen on that port, and nowhere else. */
  address: string | null;
}

/** What httpbin remembers of the requests that reached it. */
export interface ArrivalsCheck extends CheckBase {
  type: 'arrivals';
  path: string;
  atLeast: number;
  headers: Record<string, Expectation>;
}

/** What the collector traces knows of the last request. */
export interface TracesCheck extends CheckBase {
  type: 'traces';
  /** Names, each of a span below the one before. */
  spans: string[];
}
/** What the proxy says that it runs with whose admin interface listens at 127.0.0.1:9901, or on that port; or a path in the home. */
export type Configuration = 'running' | { admin: number } | { file: string };

/** Requests through a scratch copy of a proxy configuration. */
export interface ReplayCheck extends CheckBase {
  type: 'replay';
  configuration: Configuration;
  /** Of further proxies beside the copy. */
  beside?: Configuration[];
  /** A file in the home by which a rate limit service runs beside the copy, on port 8081. */
  limits?: string;
  /** The httpbins to start beside the copy, by name, with their ports, or ADDRESS:PORT; where there are none, one on port 8000. */
  upstreams: Record<string, number | string>;
  /** The greeters, which speak gRPC, likewise; where there are some and no httpbins, they are alone. */
  greeters: Record<string, number | string>;
  /** Given files that the copy finds in its home. */
  files: GivenFile[];
  requests: ReplayRequest[];
}
export interface ReplayRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  /** How many times, one after the other; what is expected is expected of each. */
  count: number;
  /** A call of gRPC with an empty message: the URL's path names the method. */
  grpc?: true;
  body?: string;
  /** The name that TLS asks for. */
  serverName?: string;
  /** What it shows for itself in TLS: PEM, and the path of the certificate to call it by. */
  client?: { name: string; certificate: string; key: string };
  /** Requests that are under way when it is sent; they are not judged. */
  load?: { url: string; count: number };
  expect: {
    status?: number;
    /** How the call of gRPC ended. */
    grpcStatus?: number;
    /** The connection is ended instead of an answer. */
    refused?: true;
    /** A name that the certificate has which the proxy shows. */
    certificate?: string;
    /** Percent of the answers by status. */
    statuses?: Record<string, number>;
    /** Percent of the arrivals by the upstream's name. */
    spread?: Record<string, number>;
    /** How many different upstreams the requests reach. */
    upstreams?: number;
    /** What reached these upstreams, by name. */
    at?: Record<string, Reached>;
    /** The window of time to the answer. */
    seconds?: [number, number];
    /** Tries that reached the upstream. */
    arrivals?: number;
    headers?: Record<string, Expectation>;
    /** Headers of each request as it reached the upstream. */
    arrivalHeaders?: Record<string, Expectation>;
    body?: Expectation;
    /** The lines that the access log on standard output got for it. */
    log?: Expectation;
  };
  hint: string | null;
}

/** What reached one of several upstreams. */
export interface Reached {
  /** How often, for each request that was sent. */
  arrivals?: number;
  /** Percent of the requests that were sent. */
  percent?: number;
  headers?: Record<string, Expectation>;
}

/** Numbers of the running proxy. */
export interface StatsCheck extends CheckBase {
  type: 'stats';
  /** The port of its admin interface. */
  admin: number;
  stats: { name: string; atLeast: number; hint: string | null }[];
}

/** Values in the configuration that the running proxy, or a file, has; `at` is a path such as `static_resources.clusters[0].name`. */
export interface ConfigCheck extends CheckBase {
  type: 'config';
  configuration: Configuration;
  values: { at: string; expect: Expectation; hint: string | null }[];
}

/** `proxy --mode validate` accepts the file. */
export interface ValidateCheck extends CheckBase {
  type: 'validate';
  file: string;
}

/** A value that only the learner's own sandbox knows. */
export interface AnswerCheck extends CheckBase {
  type: 'answer';
  label: string;
  from: { stat: string };
  rightHtml: string;
  wrongHtml: string;
}

export interface QuizCheck extends CheckBase {
  type: 'quiz';
  label: string;
  options: { id: string; html: string; right: boolean; becauseHtml: string }[];
}

/** What a text is compared with: equal to a text, present or not, or containing one. */
export type Expectation = string | { present: boolean } | { contains: string } | { matches: string };

export interface Slide {
  id: string;
  title: string;
  module: string;
  lesson: string | null;
  html: string;
  notesHtml: string;
}
