/** Collects traces, and draws each in the terminal where it runs. */
import { begin, goOn, listen, type Place, portOf, readArguments } from '../program.ts';
import { collector } from './server.ts';
import { TraceStore } from './store.ts';
import { isWhole } from './tree.ts';
import { waterfall } from './waterfall.ts';

const help = `traces collects what proxies tell of requests, and draws it: a line for each span.

  traces [--port 9411] [--host 0.0.0.0]

  It takes what is sent to /api/v2/spans (Zipkin) and /v1/traces (OpenTelemetry, protobuf).
  To read: /, /api/v2/traces, /api/v2/trace/ID, /api/v2/services, as Zipkin has them.
`;

/** A trace is drawn when nothing more came of it for so long, in milliseconds; one that lacks a span, which may still be under way, for longer. */
const quiet = { whole: 400, inPart: 4000 };
const usualColumns = 80;

function parse(args: string[]): Place | null {
  const options = {
    port: { type: 'string', default: '9411' },
    host: { type: 'string', default: '0.0.0.0' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { help, host, port } = readArguments({ args, options }).values;
  return help ? null : { host, port: portOf(port) };
}

function run(place: Place): void {
  const store = new TraceStore();
  const waiting = new Map<string, NodeJS.Timeout>();
  const draw = (traceId: string): void => {
    waiting.delete(traceId);
    const spans = store.trace(traceId);
    const { columns = usualColumns, isTTY = false } = process.stdout;
    if (spans !== undefined) process.stdout.write(`\n${waterfall(spans, { columns, colours: isTTY })}`);
  };
  const server = collector(store, ({ traceId }) => {
    clearTimeout(waiting.get(traceId));
    const patience = isWhole(store.trace(traceId) ?? []) ? quiet.whole : quiet.inPart;
    waiting.set(traceId, setTimeout(draw, patience, traceId));
  });
  listen('traces', server, place, port => process.stdout.write(`traces listens on http://${place.host}:${port}\n`));
  goOn();
}

begin({ name: 'traces', help, parse, run });
