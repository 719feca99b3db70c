/**
 * Node asks a server what a socket of its own cannot tell: what to staple, and which session a client means by an id. This is one that never listens, and
 * has nothing else to do.
 */
import { createServer, type Server } from 'node:tls';
import { parseSession } from './session.ts';
import type { StapledResponse } from './stapled-response.ts';

/** How many sessions are kept: the oldest goes first. */
const mostSessions = 1000;

/**
 * Undefined where there is nothing to ask for.
 * @param keepsSessions by their ids, of the versions before 1.3: where clients are given no tickets
 */
export function companionOf(staple: StapledResponse | undefined, keepsSessions: boolean): Server | undefined {
  if (staple === undefined && !keepsSessions) return undefined;
  const server = createServer({ ca: [] });
  if (staple !== undefined)
    server.on('OCSPRequest', (_certificate: Buffer, _issuer: Buffer, answer: Answer) =>
      answer(null, staple.expired ? null : staple.bytes),
    );
  if (keepsSessions) keepSessions(server);
  return server;
}

function keepSessions(server: Server): void {
  const sessions = new Map<string, Buffer>();
  server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
    // BoringSSL takes up those of TLS 1.3 by tickets alone.
    if (parseSession(session).version !== 0x0304) {
      sessions.set(id.toString('hex'), session);
      for (const oldest of sessions.keys()) if (sessions.size > mostSessions) sessions.delete(oldest);
    }
    done();
  });
  server.on('resumeSession', (id: Buffer, answer: Answer) => answer(null, sessions.get(id.toString('hex')) ?? null));
}

type Answer = (error: Error | null, answer: Buffer | null) => void;
