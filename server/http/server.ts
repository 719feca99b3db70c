import { resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { portTaken, StartError, UnicornError } from '../errors.ts';
import { greetingPath } from '../replicas/peers.ts';
import type { Settings } from '../settings.ts';
import { createApp } from './app.ts';
import { doAtOwner } from './at-owner.ts';
import { type ContentPages, routeContent } from './content.ts';
import type { HttpContext } from './context.ts';
import { routeInstructor } from './instructor.ts';
import { routeLearner } from './learner.ts';
import { routeOperations } from './operations.ts';
import { routeSigningIn } from './signing-in.ts';
import { routeSingleSignOn } from './single-sign-on.ts';
import { Sockets } from './sockets.ts';
import { serveStatic } from './static.ts';

const pagesFolder = resolve(import.meta.dirname, '../../web/dist');

export interface HttpServer {
  port: number;
  /** The learner's session lives elsewhere now: closes their sockets, which come back there. */
  leave(learner: string): void;
  close(): Promise<void>;
}

/** Listens, with all routes and sockets. @throws StartError when the address cannot be listened on */
export async function startHttp(settings: Settings, context: HttpContext, pages: ContentPages): Promise<HttpServer> {
  const app = createApp(context, { trustProxy: settings.publicUrl !== null });
  routeOperations(app, context);
  routeSigningIn(app, context);
  if (context.organisation) routeSingleSignOn(app, context, context.organisation);
  routeContent(app, context, pages);
  await app.register(async part => {
    doAtOwner(part, context, 'learner');
    routeLearner(part, context);
  });
  await app.register(async part => {
    doAtOwner(part, context, 'instructor');
    routeInstructor(part, context);
  });
  routePeers(app, context);
  await serveStatic(app, pagesFolder);
  const sockets = new Sockets(context, app.server);
  const port = await listen(app, settings);
  return {
    port,
    leave: learner => sockets.leave(learner),
    close: async () => {
      await sockets.close();
      await app.close();
    },
  };
}

/** Other servers of the class ask whether this one lives. */
function routePeers(app: FastifyInstance, { replicas }: HttpContext): void {
  if (replicas.alone) return;
  app.get(greetingPath, async (request, reply) => {
    const answer = replicas.greet(request.raw);
    if (answer === null) throw new UnicornError('not-found', 'There is nothing at this address.');
    return reply.type('text/plain').send(answer);
  });
}

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error as NodeJS.ErrnoException, host, port);
  }
  const address = app.server.address();
  return typeof address === 'object' && address ? address.port : port;
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return portTaken(port);
    case 'EACCES':
      return new StartError(
        `Port ${port} may not be listened on by this user.`,
        'Take one above 1023: npm start -- --port 8080',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(
        `${host} is no address of this machine.`,
        'Use 127.0.0.1, or 0.0.0.0 for all of its addresses: npm start -- --host 0.0.0.0',
      );
    default:
      return error;
  }
}
