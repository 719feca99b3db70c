import type { Duplex } from 'node:stream';

export const providerNames = ['local', 'docker', 'kubernetes'] as const;
export type ProviderName = (typeof providerNames)[number];

/** What doctor prints: one fact about this machine. */
export interface Finding {
  subject: string;
  /** `limited`: works, with something missing that `detail` names. */
  state: 'works' | 'limited' | 'missing';
  detail: string;
  /** The line to type, or the step to take, that mends it. */
  remedy?: string;
}

export interface ProviderReport {
  provider: ProviderName;
  usable: boolean;
  /** How many sandboxes may run at once on this machine and why, e.g. one where no limits can be set. */
  maximumSandboxes: number;
  findings: Finding[];
}

export interface SandboxLimits {
  memoryBytes: number;
  processes: number;
  /** Bytes of home and /tmp each. */
  diskBytes: number;
  /** 1 is one core. */
  cpus: number;
  openFiles: number;
}

export interface SandboxRequest {
  /** `[a-z0-9]{8,40}`, unique on the machine. */
  id: string;
  /** The home to mount: kept between sandboxes of the same learner. Same form as `id`. */
  home: string;
  limits: SandboxLimits;
  /** How long the sandbox waits for a server before it removes itself. */
  orphanTimeoutSeconds: number;
}

/**
 * Told what is happening, in words for the learner: "Making the sandbox". `detail` says how far it is ("40 %") and takes the place of the detail told
 * before with the same step.
 */
export type TellProgress = (step: string, detail?: string) => void;

/** A place for the box: finds it, makes it, ends it. What runs inside is the same everywhere. */
export interface Provider {
  readonly name: ProviderName;
  /** What this machine can do; never throws. Makes ready what is made once, such as an image. */
  probe(progress?: TellProgress): Promise<ProviderReport>;
  /**
   * Makes a sandbox whose agent answers. On a failure nothing of it is left.
   * @throws ProviderError
   */
  create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox>;
  /**
   * The sandboxes of this data folder that still live, for a server that was killed and came back.
   * @throws ProviderError
   */
  find(): Promise<Sandbox[]>;
  /** Removes what earlier servers left of this data folder and nobody lives in. */
  sweep(): Promise<void>;
  /** Asks what the sandboxes run on whether it is there, at little cost; missing where there is nobody to ask. @throws ProviderError */
  reach?(signal: AbortSignal): Promise<void>;
  /** The homes of this data folder that there are, but for those of trials; missing where that is not known. @throws ProviderError */
  homes?(): Promise<string[]>;
  /** Removes a home for good. */
  removeHome(home: string): Promise<void>;
}

export interface Sandbox {
  readonly id: string;
  readonly home: string;
  /** A new byte stream to the agent; several may be open. @throws ProviderError `unreachable` while it is not known whether the sandbox lives */
  connect(): Promise<Duplex>;
  /** Why it ended, in words for the learner ("it used more than its 384 MiB of memory"); undefined where nobody knows, or it lives. */
  fate?(): Promise<string | undefined>;
  /** Ends the sandbox and removes everything of it but the home; resolves when nothing is left. */
  end(): Promise<void>;
}

/**
 * `unusable`: the provider cannot work here as things are. `no-capacity`: no sandbox more. `unreachable`: what it works with (a daemon, an API server)
 * does not answer now, while sandboxes may live. `failed`: all else.
 */
export type ProviderErrorCode = 'unusable' | 'no-capacity' | 'unreachable' | 'failed';

export class ProviderError extends Error {
  readonly code: ProviderErrorCode;
  readonly remedy: string | undefined;
  constructor(code: ProviderErrorCode, message: string, remedy?: string) {
    super(message);
    this.name = 'ProviderError';
    this.code = code;
    this.remedy = remedy;
  }
}
