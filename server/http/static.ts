import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UnicornError } from '../errors.ts';

/** Serves the built pages: files with a hash in their name for ever, the others after asking; compressed ones where they lie beside. */
export async function serveStatic(app: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) return serveNothing(app);
  await app.register(fastifyStatic, {
    root: folder,
    index: false,
    preCompressed: true,
    dotfiles: 'deny',
    cacheControl: false,
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(folder, 'assets/'));
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.setNotFoundHandler((request, reply) => answerOther(request, reply));
}

/** The pages route by path in the browser: whatever is not a file and not of the API is the page. */
async function answerOther(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const path = request.url.split('?')[0] ?? '/';
  const isPage =
    (request.method === 'GET' || request.method === 'HEAD') && !/^\/(api|assets)(\/|$)|\.[a-z][a-z0-9]*$/i.test(path);
  if (!isPage) throw new UnicornError('not-found', `There is nothing at ${path.slice(0, 200)}.`);
  return reply.sendFile('index.html');
}

function serveNothing(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => {
    if (request.url.startsWith('/api')) throw new UnicornError('not-found', 'There is nothing at this address.');
    return reply
      .code(503)
      .type('text/plain; charset=utf-8')
      .send('The pages are not built yet. Start the server with `npm start`, or run `npx vite build web`.\n');
  });
}
