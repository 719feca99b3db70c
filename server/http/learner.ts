import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from '#typebox';
import { collectedTraces } from '../sessions/collected-traces.ts';
import { explainRequest } from '../sessions/explanations.ts';
import type { LearnerSession } from '../sessions/learner-session.ts';
import { type HttpContext, learnerOf } from './context.ts';

const strict = { additionalProperties: false };
const answerBody = Type.Object({ value: Type.String({ maxLength: 1000 }) }, strict);
const runBody = Type.Object({ command: Type.String({ minLength: 1, maxLength: 4000 }) }, strict);
const fileQuery = Type.Object({ path: Type.String({ minLength: 1, maxLength: 1000 }) }, strict);
const fileBody = Type.Object({ content: Type.String(), modifiedMs: Type.Union([Type.Number(), Type.Null()]) }, strict);
const explanationQuery = Type.Object({ at: Type.String({ minLength: 1, maxLength: 300 }) }, strict);
/** JSON writes a byte as six at worst. */
const fileBodyLimit = 2 * 1024 * 1024;

type Work = (session: LearnerSession, id: string) => Promise<void> | void;

/** What a learner does. Results come as events. */
export function routeLearner(app: FastifyInstance, context: HttpContext): void {
  const act = (path: string, work: Work) => {
    app.post<{ Params: { id?: string } }>(path, async (request, reply) => {
      const session = await learnerOf(context, request);
      session.touch();
      await work(session, request.params.id ?? '');
      return reply.code(204).send();
    });
  };
  act('/api/sandbox/start', session => session.startSandbox());
  act('/api/sandbox/extend', session => session.extendSandbox());
  act('/api/lessons/:id/open', (session, id) => session.openLesson(id));
  act('/api/lessons/:id/catch-up', (session, id) => session.catchUp(id));
  act('/api/exercises/:id/check', (session, id) => session.checkNow(id));
  act('/api/exercises/:id/hint', (session, id) => session.showHint(id));
  act('/api/exercises/:id/solution', (session, id) => session.showSolution(id));
  act('/api/exercises/:id/solve', (session, id) => session.solve(id));
  act('/api/exercises/:id/reset', (session, id) => session.resetExercise(id));
  routeAnswer(app, context);
  routeTerminals(app, context);
  routeFiles(app, context);
  routeExplanations(app, context);
  // Pages ask by themselves, so it does not keep a sandbox from ending that nobody uses.
  app.get('/api/traces', async request => collectedTraces((await learnerOf(context, request)).requireAgent()));
}

function routeExplanations(app: FastifyInstance, context: HttpContext): void {
  type Route = { Params: { id: string }; Querystring: Static<typeof explanationQuery> };
  const options = { schema: { querystring: explanationQuery } };
  app.get<Route>('/api/requests/:id/explanation', options, async request => {
    const session = await active(context, request);
    return explainRequest(session.requireAgent(), request.query.at, request.params.id);
  });
}

function routeAnswer(app: FastifyInstance, context: HttpContext): void {
  type Route = { Params: { id: string }; Body: Static<typeof answerBody> };
  app.post<Route>('/api/exercises/:id/answer', { schema: { body: answerBody } }, async request => {
    const session = await active(context, request);
    return session.answer(request.params.id, request.body.value);
  });
}

function routeTerminals(app: FastifyInstance, context: HttpContext): void {
  type Run = { Params: { name: string }; Body: Static<typeof runBody> };
  app.post<Run>('/api/terminals/:name/run', { schema: { body: runBody } }, async (request, reply) => {
    const session = await active(context, request);
    await session.runInTerminal(request.params.name, request.body.command);
    return noContent(reply);
  });
  app.delete<{ Params: { name: string } }>('/api/terminals/:name', async (request, reply) => {
    const session = await active(context, request);
    await session.closeTerminal(request.params.name);
    return noContent(reply);
  });
}

function routeFiles(app: FastifyInstance, context: HttpContext): void {
  type Query = { Querystring: Static<typeof fileQuery> };
  app.get<Query>('/api/files', { schema: { querystring: fileQuery } }, async request => {
    const session = await active(context, request);
    return session.readFile(request.query.path);
  });
  type Write = Query & { Body: Static<typeof fileBody> };
  const options = { schema: { querystring: fileQuery, body: fileBody }, bodyLimit: fileBodyLimit };
  app.put<Write>('/api/files', options, async request => {
    const session = await active(context, request);
    return session.writeFile(request.query.path, request.body);
  });
}

async function active(context: HttpContext, request: FastifyRequest): Promise<LearnerSession> {
  const session = await learnerOf(context, request);
  session.touch();
  return session;
}

function noContent(reply: FastifyReply): FastifyReply {
  return reply.code(204).send();
}
