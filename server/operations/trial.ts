import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Provider, ProviderReport } from '../providers/provider.ts';

/** Waits before sandboxes are tried again, each time the next of them; then always the last. */
const usualWaitsMs = [5_000, 10_000, 20_000, 60_000];

interface Trial {
  provider: Pick<Provider, 'probe'>;
  log: Log;
  /** Ends the tries. */
  signal: AbortSignal;
  waitsMs?: readonly number[] | undefined;
}

/**
 * Tries the sandboxes again and again where the first trial found that none can run, as while a Docker daemon or an API server is away.
 *
 * @returns null where the server ended before
 */
export async function tryUntilUsable(
  first: ProviderReport,
  { provider, log, signal, waitsMs = usualWaitsMs }: Trial,
): Promise<ProviderReport | null> {
  log.warn('no sandbox can run here yet; it is tried again', { cause: troubleOf(first) ?? undefined });
  for (let tries = 0; ; tries++) {
    const wait = waitsMs[tries] ?? waitsMs.at(-1);
    await delay(wait, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return null;
    const report = await provider.probe();
    if (signal.aborted) return null;
    if (report.usable) {
      log.info('sandboxes work here now', { tries: tries + 1 });
      return report;
    }
    log.debug('still no sandbox can run here', { cause: troubleOf(report) ?? undefined });
  }
}

/** Why no sandbox can run, in words; null where one can. */
export function troubleOf({ usable, findings }: ProviderReport): string | null {
  if (usable) return null;
  const missing = findings.filter(({ state }) => state === 'missing');
  return missing.map(({ subject, detail }) => `${subject}: ${detail}`).join('; ') || 'nothing tells why';
}
