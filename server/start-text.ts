import { urlHost } from './http/origin.ts';
import type { ProviderReport } from './providers/provider.ts';
import type { Running } from './serve.ts';
import type { Settings } from './settings.ts';

/** What the terminal shows when the server answers. */
export function startText(running: Running, settings: Settings): string {
  const lines = [
    '',
    '  Unicorn is ready.',
    '',
    `  Learn:      ${running.learnerUrl}`,
    `  Instructor: ${running.instructorUrl}`,
  ];
  const others = running.origins.slice(1).filter(origin => !origin.includes('127.0.0.1'));
  if (running.code) lines.push('', `  Code for the class: ${running.code}`);
  if (settings.publicUrl) lines.push('', `  Your proxy passes to: http://${urlHost(settings.host)}:${running.port}`);
  if (others.length > 0) lines.push(`  Also reached at:    ${others.join('  ')}`);
  lines.push('', `  Progress and files are kept in ${settings.data}. Ctrl-C ends it.`, '');
  return `${lines.join('\n')}\n`;
}

/** What is wrong with this machine, if no sandbox can run here; else null. */
export function reportText(report: ProviderReport): string | null {
  if (report.usable) return null;
  const missing = report.findings.filter(({ state }) => state === 'missing');
  const lines = missing.flatMap(({ subject, detail, remedy }) => [
    `  ${subject}: ${detail}`,
    ...(remedy ? [`    ${remedy}`] : []),
  ]);
  return `\nNo sandbox can run on this machine yet; slides and lessons can be read.\n${lines.join('\n')}\n\nIt is tried again from time to time; npm start -- doctor tells more.\n`;
}
