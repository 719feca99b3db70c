/** /logging: which parts of the proxy log how much. */
import { type Log, type LoggerName, type LogLevel, loggerNames, logLevels, parseLogLevel } from '../log.ts';
import { type AdminReply, text } from './reply.ts';

const usage = [
  'usage: /logging?<name>=<level> (change single level)',
  'usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)',
  'usage: /logging?level=<level> (change all levels)',
  `levels: ${logLevels.join(' ')} `,
].join('\n');

/** Changes what the parameters say, if anything, and lists the levels. */
export function handleLogging(log: Log, query: URLSearchParams): AdminReply {
  const problem = change(log, query);
  const list = `active loggers:\n${loggerNames.map(name => `  ${name}: ${log.levels.get(name)}\n`).join('')}\n`;
  return problem === undefined ? text(list) : text(`${problem}\n\n${usage}\n${list}`, 400);
}

/** All or nothing: a bad part changes no level. */
function change(log: Log, query: URLSearchParams): string | undefined {
  const wanted = [...query];
  if (wanted.length === 0) return undefined;
  if (wanted.length > 1) return 'error: invalid number of parameters';
  const [key, value] = wanted[0]!;
  if (key === 'level') return changeAll(log, value);
  const pairs = key === 'paths' ? value.split(',').map(pair => pair.split(':')) : [[key, value]];
  const changes: [LoggerName, LogLevel][] = [];
  for (const [name, levelName = ''] of pairs) {
    const logger = loggerNames.find(known => known === name);
    const level = parseLogLevel(levelName);
    if (!logger) return 'error: unknown logger name';
    if (!level) return 'error: unknown logger level';
    changes.push([logger, level]);
  }
  for (const [name, level] of changes) log.levels.set(name, level);
  return undefined;
}

function changeAll(log: Log, value: string): string | undefined {
  const level = parseLogLevel(value);
  if (!level) return 'error: unknown logger level';
  log.setAll(level);
  return undefined;
}
