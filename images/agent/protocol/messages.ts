/** What the lab server asks of a sandbox's agent, and what the agent tells: the types of the protocol, version 1. */

export interface Hello {
  protocol: number;
  /** From the agent: which sandbox this is. */
  sandbox?: string;
}

/** The first frame of a stream. */
export interface OpenRequest<M extends MethodName = MethodName> {
  method: M;
  params: Methods[M]['params'];
}

export interface AgentFailure {
  code: AgentFailureCode;
  message: string;
}

export type AgentFailureCode =
  | 'not-found'
  | 'invalid'
  | 'too-large'
  | 'timed-out'
  | 'refused'
  | 'cancelled'
  | 'busy'
  | 'unsupported'
  | 'internal';

export interface Methods {
  /**
   * Attaches to a terminal, made if it is not there; the stream's data is the messages of `terminal.ts`, one frame each. The
   * agent first sends a snapshot, or output from `resumeFrom` where it still has it. Ends when the viewer ends the stream.
   */
  'terminal.open': {
    params: { terminal: string; columns: number; rows: number; resumeFrom?: number };
    result: Record<string, never>;
  };
  'terminal.list': { params: Record<string, never>; result: { terminals: TerminalStatus[] } };
  /** Ends the terminal's shell and forgets its screen. */
  'terminal.close': { params: { terminal: string }; result: Record<string, never> };
  /**
   * Types a command into a terminal (made if it is not there) when its shell waits at a prompt. With `wait: 'prompt'` answers when the
   * shell is back at its prompt, with the command's exit status; with 'typed' as soon as it was typed. Failure
   * `busy`: no prompt within `promptTimeoutMs`.
   */
  'terminal.run': {
    params: { terminal: string; command: string; wait: 'typed' | 'prompt'; promptTimeoutMs: number; timeoutMs: number };
    result: { exitStatus: number | null };
  };
  /** Sends Ctrl-C until the shell is at its prompt. Failure `busy` if it does not get there in time. */
  'terminal.interrupt': { params: { terminal: string; timeoutMs: number }; result: Record<string, never> };
  /** The screen and scroll-back as plain text, for checks' tests and the instructor. */
  'terminal.text': { params: { terminal: string }; result: { text: string } };
  /** Runs a program in the learner's world as a user of that world, with a fixed PATH and environment. Output beyond `maximumOutput` bytes is cut. */
  execute: {
    params: {
      command: string[];
      user: 'learner' | 'checker';
      directory?: string;
      environment?: Record<string, string>;
      input?: string;
      timeoutMs: number;
      maximumOutput: number;
    };
    result: { exitStatus: number; standardOutput: string; standardError: string; truncated: boolean };
  };
  /** Paths are absolute in the learner's world, or relative to the learner's home; links are resolved inside that world only. */
  'file.read': { params: { path: string; maximumBytes: number }; result: { content: string; modifiedMs: number } };
  'file.write': { params: { path: string; content: string }; result: { modifiedMs: number } };
  'file.list': { params: { path: string }; result: { entries: FileEntry[] } };
  /** One HTTP request from inside the learner's network, by the agent's own client: invisible to the learner's shell. */
  'http.request': {
    params: {
      url: string;
      method?: string;
      headers?: Record<string, string>;
      body?: string;
      tls?: RequestTls;
      timeoutMs: number;
      maximumBody: number;
    };
    result: HttpResponse;
  };
  /** The learner's processes. */
  'process.list': { params: Record<string, never>; result: { processes: ProcessStatus[] } };
  /** TCP sockets that listen in the learner's network. */
  'port.list': {
    params: Record<string, never>;
    result: { ports: { address: string; port: number; pid: number | null }[] };
  };
  /**
   * Runs a proxy configuration in a scratch network of its own, beside sample services of our own at the same names, sends requests through it
   * and answers what came back and what arrived. Touches nothing of the learner's.
   */
  replay: { params: ReplayParams; result: ReplayResult };
  /**
   * A fresh sandbox state: ends every process of the learner, empties /tmp; files of the home named in `files` that exist and differ are first moved
   * to `~/kept/TIME/`. Terminals stay, each with a new shell.
   */
  reset: { params: { files: string[] }; result: { kept: { from: string; to: string }[] } };
  /** Memory (PSS, bytes) and processes of the whole sandbox. */
  usage: { params: Record<string, never>; result: { memoryBytes: number; processes: number } };
  /** Ends the sandbox. */
  shutdown: { params: Record<string, never>; result: Record<string, never> };
}
export type MethodName = keyof Methods;

export interface TerminalStatus {
  terminal: string;
  columns: number;
  rows: number;
  atPrompt: boolean;
  exitStatus: number | null;
  /** Bytes of output since the shell started. */
  offset: number;
}

export interface FileEntry {
  name: string;
  kind: 'file' | 'folder' | 'link' | 'other';
  size: number;
  modifiedMs: number;
}

export interface HttpResponse {
  status: number;
  headers: [string, string][];
  body: string;
  durationMs: number;
  truncated: boolean;
  /** Headers after the body, where gRPC was spoken. */
  trailers?: [string, string][];
  /** What the server showed for itself, where the URL is an https one; nobody verified it. */
  certificate?: ShownCertificate;
}

/** How a request to an https URL names the server, and what it shows for itself. */
export interface RequestTls {
  /** The name that TLS asks for, which is also the usual `host`; default the URL's host. */
  serverName?: string;
  /** The client's certificate and its key, PEM. */
  certificate?: string;
  key?: string;
}

export interface ShownCertificate {
  /** Such as `CN=shop.example`. */
  subject: string;
  /** Names of any kind, without the kind: `shop.example`, `spiffe://…`. */
  subjectAltNames: string[];
}

export interface ProcessStatus {
  pid: number;
  parent: number;
  /** The user id in the learner's world. */
  user: number;
  command: string[];
  /** Milliseconds since the epoch: tells a restart from a reload. */
  startedMs: number;
}

export interface ReplayParams {
  /** The proxy's configuration, YAML or JSON, as the learner runs it. */
  configuration: string;
  /** Configurations of further proxies that run in the same network. */
  beside?: string[];
  /** The configuration of a rate limit service there, which listens on port 8081; its windows begin with its start. */
  limits?: string;
  /** Programs to start in the scratch network, httpbin where none is named; default one of those at 127.0.0.2:8000. */
  upstreams?: { address: string; port: number; program?: 'httpbin' | 'greeter' }[];
  /** Files that the copy finds in its home, which is empty otherwise: certificates that the configuration names. */
  files?: { path: string; content: string }[];
  requests: {
    url: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string;
    tls?: RequestTls;
    /** A call of gRPC with an empty message, by HTTP/2 without TLS: the URL's path names the method. */
    grpc?: true;
    /** How many times, one after the other (default 1). */
    count?: number;
    /** Requests that are sent a little before it and may be under way with it; what becomes of them is not told. */
    load?: { url: string; count: number };
    /** Tells what the proxy wrote to its access log on standard output for it; takes a little longer. */
    log?: boolean;
    timeoutMs?: number;
  }[];
  /** Admin paths of the proxy to read after the requests, such as /stats?format=json. */
  adminPaths?: string[];
  timeoutMs: number;
}

export interface ReplayResult {
  /** Set when the proxy did not get ready: its last lines. */
  failure?: string;
  /** One for each request sent, in order; the last are missing where the time was too short for all. */
  responses: ({ url: string; log?: string[] } & (HttpResponse | NoResponse))[];
  /** What reached the upstreams, in order. */
  arrivals: {
    upstream: string;
    method: string;
    path: string;
    headers: [string, string][];
    atMs: number;
    status: number;
  }[];
  admin: { path: string; status: number; body: string }[];
}

/** Why no answer came, in words. */
export interface NoResponse {
  error: string;
  /** Set where the proxy took the connection and ended it instead of answering: TLS was refused, say. */
  refused?: true;
}

/** Sent by the agent on stream 0 to every connection. */
export type AgentEvent =
  /** Something that a check may depend on changed; at most one of each subject in 250 ms. */
  | { type: 'changed'; subject: 'files' | 'processes' | 'traffic' | 'configuration' | 'terminal'; paths?: string[] }
  /** Terminals came or went, or one's state changed. */
  | { type: 'terminals'; terminals: TerminalStatus[] }
  /** Requests that the learner's proxy finished, as it reported them; at most 50 in one event, `dropped` counts the rest. */
  | { type: 'traffic'; requests: TrafficRequest[]; dropped: number }
  /** A limit was met, in words for the learner. */
  | { type: 'limit'; resource: 'memory' | 'processes' | 'disk'; message: string };

/** One request through the learner's proxy, as the proxy reports it on the socket named by `PROXY_EVENTS`. */
export interface TrafficRequest {
  /** Milliseconds since the epoch when the request began. */
  atMs: number;
  requestId: string;
  listener: string;
  method: string;
  path: string;
  authority: string;
  status: number;
  /** Envoy's response flags, '-' for none. */
  flags: string;
  durationMs: number;
  cluster: string;
  /** Where the proxy tells what decided it, `host:port` of its admin interface; '' where it does not. */
  explainedAt: string;
  /** Tries at the upstream, in order. */
  attempts: { host: string; status: number | null; flag: string; startMs: number; durationMs: number }[];
}
