import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import Type, { type Static, type TSchema } from '#typebox';
import { UnicornError } from '../errors.ts';
import type { LearnerSession } from '../sessions/learner-session.ts';
import { type HttpContext, requireInstructor } from './context.ts';

const strict = { additionalProperties: false };
const catchUpBody = Type.Object({ lesson: Type.String({ maxLength: 100 }) }, strict);
const messageBody = Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000 }) }, strict);
const slideBody = Type.Object({ slide: Type.Union([Type.String({ maxLength: 100 }), Type.Null()]) }, strict);

const time = Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()]);
const planBody = Type.Object(
  {
    size: Type.Union([Type.Integer({ minimum: 1, maximum: 2000 }), Type.Null()]),
    startsAtMs: time,
    deletesAtMs: time,
  },
  strict,
);

type LearnerWork = (session: LearnerSession) => Promise<void> | void;

/** What the instructor does. Results come as events. */
export function routeInstructor(app: FastifyInstance, context: HttpContext): void {
  const { classroom } = context;
  const { planned } = classroom;
  const act = <Body extends TSchema>(
    path: string,
    body: Body | undefined,
    work: (id: string, body: Static<Body>) => Promise<void> | void,
  ) => {
    type Route = { Params: { id?: string }; Body: Static<Body> };
    app.post<Route>(`/api/instructor/${path}`, body ? { schema: { body } } : {}, async (request, reply) => {
      await requireInstructor(context, request.headers.cookie);
      await work(request.params.id ?? '', request.body as Static<Body>);
      return reply.code(204).send();
    });
  };
  const actOnLearner = (name: string, work: LearnerWork) => {
    act(`learners/:id/${name}`, undefined, id => work(requireSession(context, id)));
  };
  actOnLearner('start', session => session.startSandbox());
  actOnLearner('reset', session => session.resetLesson());
  actOnLearner('end', session => session.endSandbox('Your instructor ended this sandbox. Your files are kept.'));
  actOnLearner('extend', session => session.extendSandbox());
  actOnLearner('remove', session => classroom.remove(session.id));
  act('learners/:id/catch-up', catchUpBody, (id, { lesson }) => requireSession(context, id).catchUp(lesson));
  act('message', messageBody, (_, { text }) => classroom.message({ id: randomUUID(), text, atMs: Date.now() }));
  act('class/plan', planBody, (_, plan) => planned.set(plan));
  act('class/end', undefined, () => planned.endNow());
  act('class/code', undefined, () => planned.renewCode());
  act('class/content', undefined, () => planned.takeNewContent());
  act('follow-slide', slideBody, (_, { slide }) => classroom.askToFollow(slide));
}

function requireSession(context: HttpContext, id: string): LearnerSession {
  const session = context.classroom.session(id);
  if (!session) throw new UnicornError('not-found', 'There is no such learner.', 'The learner may have been removed.');
  return session;
}
