import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

const worthwhile = 1024;

/** Answers that are the same for everyone as long as the server runs: made into JSON and compressed once. */
export class CompressedAnswers {
  readonly #bodies = new Map<string, { plain: Buffer; gzip: Buffer | null }>();

  /** @param key what tells this answer from the others; as many as the content has parts */
  send(request: FastifyRequest, reply: FastifyReply, key: string, content: unknown): FastifyReply {
    const { plain, gzip } = this.#body(key, content);
    reply.type('application/json; charset=utf-8').header('vary', 'accept-encoding');
    if (!gzip || !/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) return reply.send(plain);
    return reply.header('content-encoding', 'gzip').send(gzip);
  }

  #body(key: string, content: unknown): { plain: Buffer; gzip: Buffer | null } {
    let body = this.#bodies.get(key);
    if (!body) {
      const plain = Buffer.from(JSON.stringify(content));
      body = { plain, gzip: plain.length < worthwhile ? null : gzipSync(plain) };
      this.#bodies.set(key, body);
    }
    return body;
  }
}
