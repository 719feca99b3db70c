/** /explain: what decided the last requests and connections, with the lines of the configuration that say so. Envoy has nothing like it. */
import { formatPath, type Path } from '../configuration/errors.ts';
import type { JsonObject } from '../configuration/json.ts';
import type { Position, Positions } from '../configuration/positions.ts';
import type { ConnectionExplanation, Decision, Explanation, Origin } from '../explain/decision.ts';
import type { Explain } from '../explain/explain.ts';
import { type AdminReply, json, text } from './reply.ts';

/** What is read. */
export interface ExplainSource {
  explain: Explain;
  /** Finds parts of the bootstrap in the files that it was loaded from. Rejects where they are not what was loaded. */
  positions(paths: readonly Path[]): Promise<Positions>;
}

/** What stands where. */
interface Lines {
  /** By the path's text. */
  found: ReadonlyMap<string, Position>;
  /** Why nothing is found; '' where something could be. */
  problem: string;
}

/** One request or connection by `id`, or the last ones; as text or, with `format=json`, as JSON. */
export async function handleExplain(source: ExplainSource, query: URLSearchParams): Promise<AdminReply> {
  const id = query.get('id');
  const wanted = id === null ? source.explain.last : [source.explain.find(id)].filter(one => one !== undefined);
  if (id !== null && wanted.length === 0)
    return text(`no request or connection of the id '${id}' was explained, or too many were since\n`, 404);
  if (query.get('format') === 'json') {
    const lines = await linesOf(source, wanted);
    const explanations = wanted.map(one => explanationJson(one, lines));
    return json({ explanations, ...(lines.problem !== '' && { problem: lines.problem }) });
  }
  if (id === null) return text(listText(wanted));
  return text(explanationText(wanted[0]!, await linesOf(source, wanted)));
}

async function linesOf(source: ExplainSource, explanations: readonly Explanation[]): Promise<Lines> {
  const paths = new Map<string, Path>();
  for (const { decisions } of explanations)
    for (const { origin } of decisions)
      if (origin !== undefined && origin.resource === undefined) paths.set(JSON.stringify(origin.path), origin.path);
  if (paths.size === 0) return { found: new Map(), problem: '' };
  try {
    const positions = await source.positions([...paths.values()]);
    const found = [...paths.keys()].flatMap((key, index): [string, Position][] => {
      const position = positions[index];
      return position === undefined ? [] : [[key, position]];
    });
    return { found: new Map(found), problem: '' };
  } catch (error) {
    return { found: new Map(), problem: error instanceof Error ? error.message : String(error) };
  }
}

const positionOf = ({ found }: Lines, { resource, path }: Origin): Position | undefined =>
  resource === undefined ? found.get(JSON.stringify(path)) : undefined;

function explanationJson(explanation: Explanation, lines: Lines): JsonObject {
  const { decisions, id, atMs, durationMs, ...told } = explanation;
  return {
    ...(isConnection(explanation) ? { stream_id: id } : { request_id: id }),
    time: new Date(atMs).toISOString(),
    ...Object.fromEntries(Object.entries(told).map(([name, value]) => [snakeCase(name), value])),
    duration_ms: rounded(durationMs),
    decisions: decisions.map(({ by, name, why, origin }) => ({
      ...{ by, name, why },
      ...(origin && { origin: originJson(origin, lines) }),
    })),
  };
}

const isConnection = (one: Explanation): one is ConnectionExplanation => 'remoteAddress' in one;

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

function originJson(origin: Origin, lines: Lines): JsonObject {
  const { resource } = origin;
  return {
    ...positionOf(lines, origin),
    ...(resource && { resource: { ...resource } }),
    path: formatPath(origin.path),
  };
}

function listText(explanations: readonly Explanation[]): string {
  if (explanations.length === 0) return 'no request or connection was explained yet\n';
  const lines = explanations.map(
    one => `${new Date(one.atMs).toISOString()} ${summary(one)} /explain?id=${encodeURIComponent(one.id)}\n`,
  );
  return lines.join('');
}

function summary(explanation: Explanation): string {
  const { flags, durationMs } = explanation;
  const end = `${flags} ${rounded(durationMs)}ms`;
  if (!isConnection(explanation)) {
    const { method, authority, path, status } = explanation;
    return `${method} ${authority}${path} ${status} ${end}`;
  }
  const { remoteAddress, localAddress, serverName, bytesReceived, bytesSent } = explanation;
  const name = serverName === '' ? '' : ` ${serverName}`;
  return `TCP ${remoteAddress} to ${localAddress}${name} ${bytesReceived}/${bytesSent} bytes ${end}`;
}

function explanationText(explanation: Explanation, lines: Lines): string {
  const { atMs, details, decisions } = explanation;
  const head = `${summary(explanation)}\n${new Date(atMs).toISOString()} ${details}\n`;
  const problem = lines.problem === '' ? '' : `lines are not known: ${lines.problem}\n`;
  return `${head}${problem}${decisions.map(decision => decisionText(decision, lines)).join('')}`;
}

function decisionText({ by, name, why, origin }: Decision, lines: Lines): string {
  const said = `\n${by}${name === by ? '' : ` ${name}`}: ${why}\n`;
  if (origin === undefined) return said;
  const { resource, path } = origin;
  const position = positionOf(lines, origin);
  if (position !== undefined)
    return `${said}  ${position.file}:${position.line}  ${position.text}\n  ${formatPath(path)}\n`;
  if (resource === undefined) return `${said}  ${formatPath(path)}\n`;
  const version = resource.version === '' ? '' : ` version ${resource.version}`;
  return `${said}  ${resource.type} ${resource.name}${version}\n${path.length === 0 ? '' : `  ${formatPath(path)}\n`}`;
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
