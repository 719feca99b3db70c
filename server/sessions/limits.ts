import { availableParallelism, totalmem } from 'node:os';
import type { ProviderName, SandboxLimits } from '../providers/provider.ts';
import type { Settings } from '../settings.ts';

const mebibyte = 1024 * 1024;
/** What a sandbox takes in truth, most of the time; its limit is for the exception. */
const usualMemory = 96 * mebibyte;

/** What each sandbox may use. */
export function sandboxLimits(settings: Settings): SandboxLimits {
  return {
    memoryBytes: settings.memory * mebibyte,
    processes: 256,
    diskBytes: 128 * mebibyte,
    cpus: Math.min(2, availableParallelism()),
    openFiles: 4096,
  };
}

/** How many sandboxes are made at once: more make each other slow. In a cluster it is its nodes that make them. */
export function creationsAtOnce(provider: ProviderName): number {
  return provider === 'kubernetes' ? 16 : Math.max(2, availableParallelism());
}

/** How many sandboxes this machine's memory bears, a quarter left to the rest. */
export function defaultCapacity(settings: Settings): number {
  const each = Math.min(usualMemory, settings.memory * mebibyte);
  return Math.max(1, Math.floor((totalmem() * 0.75) / each));
}
