import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UnicornError } from '../errors.ts';
import { forwardRequest } from '../replicas/forward.ts';
import { type HttpContext, requireInstructor, requireLearner } from './context.ts';

/**
 * Whatever these routes do is done in the server in which the learner's session lives: of the learner in `:id` for the instructor, else of the
 * learner who asks. Where that is another server, the request is sent on before its body is read.
 */
export function doAtOwner(app: FastifyInstance, context: HttpContext, of: 'learner' | 'instructor'): void {
  const { replicas, classroom } = context;
  if (replicas.alone) return;
  const learnerOf = async (request: FastifyRequest): Promise<string | undefined> => {
    const { cookie } = request.headers;
    if (of === 'learner') return (await requireLearner(context, cookie)).id;
    await requireInstructor(context, cookie);
    return (await classroom.find((request.params as { id?: string }).id ?? ''))?.id;
  };
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const learner = await learnerOf(request);
    if (learner === undefined) return;
    if (replicas.isForwarded(request.raw)) return requireOwned(context, learner);
    const peer = await replicas.reach(learner);
    if (!peer) return;
    reply.hijack();
    await forwardRequest(peer, request.raw, reply.raw);
  });
}

/** What was sent on is not sent on again. @throws UnicornError `unavailable` */
export async function requireOwned({ replicas }: HttpContext, learner: string): Promise<void> {
  if (await replicas.has(learner)) return;
  throw new UnicornError('unavailable', 'This session is moving to another server.', 'Try again in a moment.');
}
