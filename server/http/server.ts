import { resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { portTaken, StartError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { createApp } from './app.ts';
import { type ContentPages, routeContent } from './content.ts';
import type { HttpContext } from './context.ts';
import { routeInstructor } from './instructor.ts';
import { routeLearner } from './learner.ts';
import { routeSigningIn } from './signing-in.ts';
import { Sockets } from './sockets.ts';
import { serveStatic } from './static.ts';

const pagesFolder = resolve(import.meta.dirname, '../../web/dist');

export interface HttpServer {
  port: number;
  close(): Promise<void>;
}

/** Listens, with all routes and sockets. @throws StartError when the address cannot be listened on */
export async function startHttp(settings: Settings, context: HttpContext, pages: ContentPages): Promise<HttpServer> {
  const app = createApp(context.policy, context.log, { trustProxy: settings.publicUrl !== null });
  routeSigningIn(app, context);
  routeContent(app, context, pages);
  routeLearner(app, context);
  routeInstructor(app, context);
  await serveStatic(app, pagesFolder);
  const sockets = new Sockets(context, app.server);
  const port = await listen(app, settings);
  return {
    port,
    close: async () => {
      await sockets.close();
      await app.close();
    },
  };
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
