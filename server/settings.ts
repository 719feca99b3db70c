import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LogFormat, LogLevel } from './log.ts';
import { type OidcSettings, oidcDefinitions, usualOidc } from './oidc-settings.ts';
import { type KubernetesOptions, usualOptions } from './providers/kubernetes/options.ts';
import { type ProviderName, providerNames } from './providers/provider.ts';

/** What the lab server is told: by flags, by `UNICORN_*`, by DATA/config.yaml, else by default; in this order. */
export interface Settings {
  host: string;
  port: number;
  data: string;
  /** `postgres://…` for several servers; null: SQLite in the data folder. */
  databaseUrl: string | null;
  /** Where the other servers of the same database reach this one, `host:port`; null: where it listens. */
  replicaAddress: string | null;
  /** What opens the instructor's page; null: made once and kept in the store. */
  instructorSecret: string | null;
  /** How an organisation signs its people in. */
  oidc: OidcSettings;
  /** Whether the code lets people in too. */
  signIn: 'any' | 'oidc';
  /** The address under which browsers reach the server, where that is another one. */
  publicUrl: URL | null;
  /** null: chosen by itself. */
  provider: ProviderName | null;
  /** Of the sandboxes in containers and pods; null: the one of this checkout. */
  image: string | null;
  kubernetes: KubernetesOptions;
  /** Seconds. */
  orphanTimeout: number;
  /** Minutes without a learner; 0: never. */
  idleTimeout: number;
  mode: 'auto' | 'alone' | 'class';
  /** null: what the provider allows. */
  maximumSandboxes: number | null;
  /** How many sandboxes wait for learners to come. */
  warm: number;
  /** Of each sandbox, MiB. */
  memory: number;
  logLevel: LogLevel;
  logFormat: LogFormat;
  labs: string;
}

/** One setting: its names are `--KEY`, `UNICORN_KEY` and `KEY` in the file. */
export interface SettingDefinition {
  key: string;
  /** The placeholder in the help. */
  value: string;
  help: string;
  /** Throws a RangeError with what is wrong with the value. */
  apply(settings: Settings, text: string): void;
}

/** The settings where nothing says otherwise. */
export function defaultSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  return {
    host: '127.0.0.1',
    port: 8080,
    data: join(environment.XDG_DATA_HOME || join(homedir(), '.local/share'), 'unicorn'),
    databaseUrl: /^postgres(ql)?:/.test(environment.DATABASE_URL ?? '') ? (environment.DATABASE_URL ?? null) : null,
    replicaAddress: null,
    instructorSecret: null,
    oidc: { ...usualOidc },
    signIn: 'any',
    publicUrl: null,
    provider: null,
    image: null,
    kubernetes: { ...usualOptions },
    orphanTimeout: 600,
    idleTimeout: 60,
    mode: 'auto',
    maximumSandboxes: null,
    warm: 0,
    memory: 384,
    logLevel: 'warn',
    logFormat: 'text',
    labs: resolve(import.meta.dirname, '../labs'),
  };
}

/** All settings, in the order of the help. */
export const settingDefinitions: readonly SettingDefinition[] = [
  {
    key: 'port',
    value: 'PORT',
    help: 'the port to listen on (default 8080; 0: any that is free)',
    apply: (settings, text) => {
      settings.port = integer(text, 0, 65535);
    },
  },
  {
    key: 'host',
    value: 'ADDRESS',
    help: 'the address to listen on (default 127.0.0.1; 0.0.0.0 for a class on the network)',
    apply: (settings, text) => {
      settings.host = hostName(text);
    },
  },
  {
    key: 'data',
    value: 'FOLDER',
    help: 'where progress, homes and secrets are kept (default ~/.local/share/unicorn)',
    apply: (settings, text) => {
      if (text === '') throw new RangeError('a folder');
      settings.data = resolve(text);
    },
  },
  {
    key: 'database-url',
    value: 'URL',
    help: 'a PostgreSQL database, for several servers at once (default: DATABASE_URL, else SQLite in the data folder)',
    apply: (settings, text) => {
      settings.databaseUrl = databaseAddress(text);
    },
  },
  {
    key: 'replica-address',
    value: 'HOST:PORT',
    help: 'where the other servers of that database reach this one (default: where it listens)',
    apply: (settings, text) => {
      if (!/^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i.test(text)) throw new RangeError('an address such as 10.0.0.7:8080');
      settings.replicaAddress = text;
    },
  },
  {
    key: 'instructor-secret',
    value: 'TEXT',
    help: "what opens the instructor's page, 16 characters or more; better as a variable (default: made once)",
    apply: (settings, text) => {
      if (!/^[\w.~-]{16,200}$/.test(text)) throw new RangeError('16 letters, digits, dots and dashes, or more');
      settings.instructorSecret = text;
    },
  },
  ...oidcDefinitions.map(({ apply, ...definition }) => ({
    ...definition,
    apply: ({ oidc }: Settings, text: string) => apply(oidc, text),
  })),
  {
    key: 'sign-in',
    value: 'HOW',
    help: 'any (default: by the code, and by the issuer where there is one) or oidc (by the issuer alone)',
    apply: (settings, text) => {
      settings.signIn = oneOf(['any', 'oidc'], text);
    },
  },
  {
    key: 'public-url',
    value: 'URL',
    help: 'the address that browsers use, where a proxy stands before the server',
    apply: (settings, text) => {
      settings.publicUrl = webAddress(text);
    },
  },
  {
    key: 'provider',
    value: 'NAME',
    help: 'what runs the sandboxes: local, docker or kubernetes (default: what works here, local first; never kubernetes)',
    apply: (settings, text) => {
      settings.provider = oneOf(providerNames, text);
    },
  },
  {
    key: 'image',
    value: 'NAME',
    help: 'the image of sandboxes in containers and pods (default: the one of this checkout; Docker builds it when it is missing)',
    apply: (settings, text) => {
      if (!/^[\w./:@-]{1,255}$/.test(text)) throw new RangeError('the name of an image');
      settings.image = text;
    },
  },
  {
    key: 'context',
    value: 'NAME',
    help: 'kubernetes: a context of your kubeconfig (default: the current one), or minikube or minikube:PROFILE',
    apply: ({ kubernetes }, text) => {
      if (!/^\S{1,253}$/.test(text)) throw new RangeError('the name of a context');
      kubernetes.context = text;
    },
  },
  {
    key: 'namespace',
    value: 'NAME',
    help: 'kubernetes: where the pods go (default unicorn; made when it is not there)',
    apply: ({ kubernetes }, text) => {
      kubernetes.namespace = label(text);
    },
  },
  {
    key: 'namespaces',
    value: 'WHICH',
    help: 'kubernetes: one (for all pods, default) or learner (one for each, whose name begins with --namespace)',
    apply: ({ kubernetes }, text) => {
      kubernetes.namespaces = oneOf(['one', 'learner'], text);
    },
  },
  {
    key: 'homes',
    value: 'KIND',
    help: 'kubernetes: volume (one for each home, default) or none (homes last as long as their pods)',
    apply: ({ kubernetes }, text) => {
      kubernetes.homes = oneOf(['volume', 'none'], text);
    },
  },
  {
    key: 'storage-class',
    value: 'NAME',
    help: "kubernetes: of the homes' volumes (default: the cluster's default)",
    apply: ({ kubernetes }, text) => {
      kubernetes.storageClass = label(text);
    },
  },
  {
    key: 'seccomp',
    value: 'PROFILE',
    help: "kubernetes: a file below the kubelets' seccomp folder (default unicorn/sandbox.json), or unconfined",
    apply: ({ kubernetes }, text) => {
      kubernetes.seccomp = profile(text);
    },
  },
  {
    key: 'apparmor',
    value: 'PROFILE',
    help: 'kubernetes: a profile loaded on the nodes, or unconfined (default)',
    apply: ({ kubernetes }, text) => {
      kubernetes.apparmor = profile(text);
    },
  },
  {
    key: 'owner',
    value: 'NAME',
    help: 'kubernetes: by which servers that share a store know their pods (default: made up for the data folder)',
    apply: ({ kubernetes }, text) => {
      if (!/^[a-z0-9]{4,12}$/.test(text)) throw new RangeError('4 to 12 small letters and digits');
      kubernetes.owner = text;
    },
  },
  {
    key: 'mode',
    value: 'MODE',
    help: 'alone (one click, no name) or class (a name each); default: alone on a loopback address',
    apply: (settings, text) => {
      settings.mode = oneOf(['auto', 'alone', 'class'], text);
    },
  },
  {
    key: 'idle-timeout',
    value: 'MINUTES',
    help: 'ends a sandbox that nobody used for so long (default 60; 0: never)',
    apply: (settings, text) => {
      settings.idleTimeout = number(text, 0, 10_080);
    },
  },
  {
    key: 'orphan-timeout',
    value: 'SECONDS',
    help: 'how long sandboxes wait for a server that was killed (default 600)',
    apply: (settings, text) => {
      settings.orphanTimeout = integer(text, 1, 86_400);
    },
  },
  {
    key: 'maximum-sandboxes',
    value: 'NUMBER',
    help: 'how many sandboxes run at once; others queue (default: what this machine bears)',
    apply: (settings, text) => {
      settings.maximumSandboxes = integer(text, 1, 10_000);
    },
  },
  {
    key: 'warm',
    value: 'NUMBER',
    help: 'how many sandboxes are kept ready for learners to come (default 0)',
    apply: (settings, text) => {
      settings.warm = integer(text, 0, 1000);
    },
  },
  {
    key: 'memory',
    value: 'MIB',
    help: 'the memory of each sandbox (default 384)',
    apply: (settings, text) => {
      settings.memory = integer(text, 64, 65_536);
    },
  },
  {
    key: 'labs',
    value: 'FOLDER',
    help: 'the content of the workshop (default: labs/ of this checkout)',
    apply: (settings, text) => {
      if (text === '') throw new RangeError('a folder');
      settings.labs = resolve(text);
    },
  },
  {
    key: 'log-level',
    value: 'LEVEL',
    help: 'error, warn (default), info or debug',
    apply: (settings, text) => {
      settings.logLevel = oneOf(['error', 'warn', 'info', 'debug'], text);
    },
  },
  {
    key: 'log-format',
    value: 'FORMAT',
    help: 'text (default) or json: one object a line, with time, level, message and the ids that it is about',
    apply: (settings, text) => {
      settings.logFormat = oneOf(['text', 'json'], text);
    },
  },
];

/** The setting of this name, if there is one. */
export function findSetting(key: string): SettingDefinition | undefined {
  return settingDefinitions.find(definition => definition.key === key);
}

/** The name of the setting's environment variable: `UNICORN_IDLE_TIMEOUT`. */
export function environmentName(key: string): string {
  return `UNICORN_${key.replaceAll('-', '_').toUpperCase()}`;
}

/** Whether only this machine's own browsers reach that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether one person uses this server: as told, else where only this machine reaches it. */
export function isAlone(settings: Settings): boolean {
  if (settings.mode !== 'auto') return settings.mode === 'alone';
  return isLoopback(settings.host) && settings.publicUrl === null;
}

function number(text: string, low: number, high: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw new RangeError(`a number from ${low} to ${high}`);
  return value;
}

function integer(text: string, low: number, high: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw new RangeError(`a whole number from ${low} to ${high}`);
  return value;
}

function oneOf<T extends string>(options: readonly T[], text: string): T {
  const found = options.find(option => option === text);
  if (found === undefined) throw new RangeError(`one of ${options.join(', ')}`);
  return found;
}

/** A name in Kubernetes. */
function label(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) throw new RangeError('small letters, digits and hyphens');
  return text;
}

function profile(text: string): string {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(text) || text.includes('..')) throw new RangeError('a profile, or unconfined');
  return text;
}

function hostName(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (!/^[0-9a-zA-Z.:-]{1,253}$/.test(bare)) throw new RangeError('an address or a host name');
  return bare;
}

function webAddress(text: string): URL {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw new RangeError('an address such as https://workshop.example.org');
  if (url.pathname !== '/' || url.search || url.hash || url.username) {
    throw new RangeError('an address without a path, such as https://workshop.example.org');
  }
  return url;
}

function databaseAddress(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text)) throw new RangeError('an address such as postgres://user@host/database');
  return text;
}
