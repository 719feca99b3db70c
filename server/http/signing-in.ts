import type { FastifyInstance, FastifyReply } from 'fastify';
import Type, { type Static } from '#typebox';
import type { Me, ResumeLink } from '../api.ts';
import { UnicornError } from '../errors.ts';
import type { LearnerSession } from '../sessions/learner-session.ts';
import { hashSecret, newSecret, type Role, sameSecret } from './auth.ts';
import { type HttpContext, learnerOf } from './context.ts';
import { cleanName } from './learner-name.ts';

const joinBody = Type.Object(
  { code: Type.String({ maxLength: 200 }), name: Type.String() },
  { additionalProperties: false },
);
const signInBody = Type.Object({ secret: Type.String({ maxLength: 200 }) }, { additionalProperties: false });
const roleQuery = Type.Object({ as: Type.Optional(Type.Enum(['learner', 'instructor'])) });
type RoleQuery = { Querystring: Static<typeof roleQuery> };

/** Who one is: joining, signing in, signing out. */
export function routeSigningIn(app: FastifyInstance, context: HttpContext): void {
  app.get<RoleQuery>('/api/me', { schema: { querystring: roleQuery } }, async request => {
    return whoAsks(context, request.headers.cookie, request.query.as);
  });
  app.post<{ Body: Static<typeof joinBody> }>('/api/join', { schema: { body: joinBody } }, async (request, reply) => {
    const { code, name } = request.body;
    context.tries.check(request.ip);
    if (!context.byCode)
      throw new UnicornError('forbidden', 'People join this workshop by their organisation.', 'Sign in there.');
    if (!sameSecret(plainCode(code), plainCode(context.classroom.planned.code))) {
      context.tries.fail(request.ip);
      throw new UnicornError(
        'wrong-code',
        'That is not the code of this workshop.',
        'Ask your instructor, or open the link that the server printed.',
      );
    }
    const { classroom } = context;
    const session =
      context.alone && name.trim() === '' ? await classroom.solo() : await classroom.join(cleanName(name));
    return signInLearner(context, reply, session);
  });
  app.post<{ Body: Static<typeof signInBody> }>(
    '/api/sign-in',
    { schema: { body: signInBody } },
    async (request, reply) => {
      context.tries.check(request.ip);
      return signIn(context, request.body.secret.trim(), request.ip, reply);
    },
  );
  app.post<RoleQuery>('/api/sign-out', { schema: { querystring: roleQuery } }, async (request, reply) => {
    const cookie = await context.authenticator.signOut(request.headers.cookie, request.query.as ?? 'learner');
    return reply.header('set-cookie', cookie).code(204).send();
  });
  app.post('/api/resume-link', async request => {
    const session = await learnerOf(context, request);
    const key = newSecret();
    await context.store.setKey(session.id, hashSecret(key));
    return { url: `${context.publicOrigin()}/#key=${key}` } satisfies ResumeLink;
  });
}

/** As it is compared: people type codes with spaces, without dashes, in capitals. */
function plainCode(code: string): string {
  return code.replaceAll(/[\s-]/g, '').toLowerCase();
}

async function signIn(context: HttpContext, secret: string, address: string, reply: FastifyReply): Promise<Me> {
  if (sameSecret(secret, context.instructorSecret)) {
    reply.header('set-cookie', await context.authenticator.signIn({ role: 'instructor' }));
    return me(context, 'instructor', null);
  }
  const learner = await context.store.learnerByKey(hashSecret(secret));
  const session = learner === null ? undefined : await context.classroom.find(learner);
  if (session) return signInLearner(context, reply, session);
  context.tries.fail(address);
  throw new UnicornError(
    'wrong-secret',
    'That link does not open anything here.',
    'Copy it whole, or ask for a new one: a newer link ends the older.',
  );
}

async function signInLearner(context: HttpContext, reply: FastifyReply, session: LearnerSession): Promise<Me> {
  reply.header('set-cookie', await context.authenticator.signIn({ role: 'learner', learner: session.id }));
  return me(context, 'learner', session.name);
}

async function whoAsks(context: HttpContext, cookie: string | undefined, as: Role | undefined): Promise<Me> {
  const { authenticator, classroom } = context;
  const learner = as === 'instructor' ? null : await authenticator.identify(cookie, 'learner');
  const session = learner?.role === 'learner' ? await classroom.find(learner.learner) : undefined;
  if (session) return me(context, 'learner', session.name);
  const instructor = as === 'learner' ? null : await authenticator.identify(cookie, 'instructor');
  return me(context, instructor ? 'instructor' : null, null);
}

function me(context: HttpContext, role: Role | null, name: string | null): Me {
  const { alone, byCode, organisation } = context;
  const workshopTitle = context.classroom.workshop.title;
  const { startsAtMs } = context.classroom.planned.plan;
  return { role, name, workshopTitle, alone, byCode, startsAtMs, organisation: organisation?.name ?? null };
}
