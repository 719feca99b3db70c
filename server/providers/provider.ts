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

/** A place for the box: finds it, makes it, ends it. What runs inside is the same everywhere. */
export interface Provider {
  readonly name: ProviderName;
  /** What this machine can do; never throws. */
  probe(): Promise<ProviderReport>;
  /**
   * Makes a sandbox whose agent answers.
   * @param progress called with what is happening, in words for the learner ("Making the sandbox")
   * @throws ProviderError with code `unusable`, `no-capacity` or `failed`
   */
  create(request: SandboxRequest, progress: (step: string) => void): Promise<Sandbox>;
  /** The sandboxes of this data folder that still live, for a server that was killed and came back. */
  find(): Promise<Sandbox[]>;
  /** Removes what earlier servers left of this data folder and nobody lives in. */
  sweep(): Promise<void>;
  /** Removes a home for good. */
  removeHome(home: string): Promise<void>;
}

export interface Sandbox {
  readonly id: string;
  readonly home: string;
  /** A new byte stream to the agent; several may be open. */
  connect(): Promise<Duplex>;
  /** Ends the sandbox and removes everything of it but the home; resolves when nothing is left. */
  end(): Promise<void>;
}

export class ProviderError extends Error {
  readonly code: 'unusable' | 'no-capacity' | 'failed';
  readonly remedy: string | undefined;
  constructor(code: ProviderError['code'], message: string, remedy?: string) {
    super(message);
    this.name = 'ProviderError';
    this.code = code;
    this.remedy = remedy;
  }
}
