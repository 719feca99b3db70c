import type { FastifyInstance } from 'fastify';
import type { LessonPage, SlideDeck, WorkshopOutline } from '../api.ts';
import { UnicornError } from '../errors.ts';
import { CompressedAnswers } from './compressed.ts';
import type { HttpContext } from './context.ts';
import { requireInstructor, requireLearner } from './context.ts';

/** What the workshop's content looks like to a page. */
export interface ContentPages {
  outline: WorkshopOutline;
  slides: SlideDeck;
  lesson(id: string): LessonPage | undefined;
}

/** The workshop: for whoever joined it, and for the instructor. */
export function routeContent(app: FastifyInstance, context: HttpContext, pages: ContentPages): void {
  const requireSomeone = async (cookie: string | undefined) => {
    if (await context.authenticator.identify(cookie, 'instructor')) return requireInstructor(context, cookie);
    await requireLearner(context, cookie);
  };
  const answers = new CompressedAnswers();
  app.get('/api/workshop', async (request, reply) => {
    await requireSomeone(request.headers.cookie);
    return answers.send(request, reply, 'workshop', pages.outline);
  });
  app.get('/api/slides', async (request, reply) => {
    await requireSomeone(request.headers.cookie);
    return answers.send(request, reply, 'slides', pages.slides);
  });
  app.get<{ Params: { id: string } }>('/api/lessons/:id', async (request, reply) => {
    await requireSomeone(request.headers.cookie);
    const lesson = pages.lesson(request.params.id);
    if (!lesson) throw new UnicornError('not-found', 'There is no such lesson in this workshop.');
    return answers.send(request, reply, `lesson ${lesson.id}`, lesson);
  });
}
