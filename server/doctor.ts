import { makeProvider } from './providers/choose.ts';
import type { Finding, ProviderName, ProviderReport } from './providers/provider.ts';
import type { Settings } from './settings.ts';

const marks: Record<Finding['state'], string> = { works: '✓', limited: '!', missing: '✗' };
const places: Record<ProviderName, string> = {
  local: 'on this machine',
  docker: 'in containers',
  kubernetes: 'in pods',
};

/** `doctor`: what this machine can do for each kind of sandbox. Answers the exit code: 0 where one kind works. */
export async function examine(settings: Settings, json: boolean): Promise<number> {
  const names: ProviderName[] = settings.provider ? [settings.provider] : ['local', 'docker'];
  const reports = await Promise.all(
    names.map(async name => {
      const provider = await makeProvider(name, settings);
      return provider.probe();
    }),
  );
  process.stdout.write(json ? `${JSON.stringify(reports)}\n` : reports.map(describe).join('\n'));
  return reports.some(({ usable }) => usable) ? 0 : 1;
}

/** A report as lines for the terminal. */
export function describe(report: ProviderReport): string {
  const verdict = report.usable ? `works, ${sandboxes(report.maximumSandboxes)}` : 'does not work here yet';
  const lines = report.findings.flatMap(({ subject, state, detail, remedy }) => [
    `  ${marks[state]} ${subject}: ${detail}`,
    ...(remedy ? [`      mend it: ${remedy}`] : []),
  ]);
  return [`Sandboxes ${places[report.provider]} (${report.provider}): ${verdict}`, ...lines, ''].join('\n');
}

function sandboxes(maximum: number): string {
  return maximum === 1 ? 'one sandbox at a time' : `up to ${maximum} sandboxes at a time`;
}
