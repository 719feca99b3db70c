/** An upstream that answers requests for the same path as its last part says, one after the other: `/silent,200` never answers the first and answers the second; what ends with `-second` is done once the next one is there. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const told = ['x-envoy-attempt-count', 'x-envoy-is-timeout-retry'];

/** Starts it on this port; ends it. */
export async function startScripted(port: number): Promise<() => Promise<void>> {
  const seen = new Map<string, number>();
  /** Those that wait for the one after them. */
  const waiting = new Map<string, () => void>();
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*/, '') ?? '';
    const count = seen.get(path) ?? 0;
    seen.set(path, count + 1);
    const before = waiting.get(path);
    waiting.delete(path);
    before?.();
    const act = path.replace(/.*\//, '').split(',')[count] ?? '200';
    void bodyOf(request).then(async body => {
      const [, what = '', second, header] = /^(\w+)(-second)?(.*)$/.exec(act) ?? [];
      const doIt = (): void => {
        if (what === 'close') request.socket.destroy();
        else if (what === 'interim') response.writeEarlyHints({ link: `</${count}>` });
        else if (what !== 'silent') answer(request, response, Number(what), body, header);
      };
      // What was waited for comes first.
      if (before !== undefined) await wait(200);
      if (second === undefined) doIt();
      else waiting.set(path, doIt);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** @param more a header as `+name=value` */
function answer(request: IncomingMessage, response: ServerResponse, status: number, body: string, more = ''): void {
  const [name = '', value = ''] = more.slice(1).split('=');
  const headers = told.map(header => `${header}=${request.headers[header] ?? ''}`);
  const expectedMs = Number(request.headers['x-envoy-expected-rq-timeout-ms']);
  const text = [...headers, expectedMs > 1000 ? 'expected for long' : '', body].join(' ');
  response.writeHead(status, { 'content-length': text.length, ...(name !== '' && { [name]: value }) });
  response.end(text);
}
