import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from '#typebox';
import type { SignInRefusal } from '../api.ts';
import { UnicornError } from '../errors.ts';
import type { LearnerSession } from '../sessions/learner-session.ts';
import type { Role } from './auth.ts';
import type { HttpContext } from './context.ts';
import { formatCookie, readCookie } from './cookies.ts';
import { cleanName } from './learner-name.ts';
import { type Attempt, type OpenIdConnect, type Person, SignInRefused } from './openid-connect.ts';

const startQuery = Type.Object({ as: Type.Optional(Type.Enum(['learner', 'instructor'])) });
type StartQuery = { Querystring: Static<typeof startQuery> };

/** How long somebody may take at the issuer, in seconds. */
const patience = 600;
const mostNames = 50;
const unnamed = 'Learner';

/**
 * Signing in by OpenID Connect. What an attempt needs is kept by the browser that makes it, so that it may come back to any server of the class; a
 * cookie that other sites' links bring along, for that is how it comes back.
 */
export function routeSingleSignOn(app: FastifyInstance, context: HttpContext, oidc: OpenIdConnect): void {
  const callback = () => `${context.publicOrigin()}/api/oidc/callback`;
  app.get<StartQuery>('/api/oidc/start', { schema: { querystring: startQuery } }, async (request, reply) => {
    const { as = 'learner' } = request.query;
    const origin = new URL(context.publicOrigin());
    // The issuer sends everybody back to one address: the cookie has to be of that one.
    if (request.headers.host !== origin.host) return reply.redirect(`${origin.origin}/api/oidc/start?as=${as}`);
    return answering(reply, as, async () => {
      const { url, attempt } = await oidc.begin(as, callback());
      reply.header('set-cookie', attemptCookie(context, attempt));
      return url.href;
    });
  });
  app.get('/api/oidc/callback', async (request, reply) => {
    const attempt = attemptOf(context, request);
    return answering(reply, attempt?.as ?? 'learner', async () => {
      context.tries.check(request.ip);
      reply.header('set-cookie', attemptCookie(context, null));
      if (!attempt) throw new SignInRefused('late');
      const query = new URL(request.url, context.publicOrigin()).search;
      const person = await oidc.finish(new URL(callback() + query), attempt).catch(error => {
        // Who ended it, or whose issuer was away, tried nothing.
        if (error instanceof SignInRefused && error.refusal === 'failed') context.tries.fail(request.ip);
        throw error;
      });
      return enter(context, reply, person, attempt.as);
    });
  });
}

/** A browser that goes from page to page is told of a failure by the page at which it began. */
async function answering(reply: FastifyReply, as: Role, goOn: () => Promise<string>): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store');
  try {
    return reply.redirect(await goOn());
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null) throw error;
    return reply.redirect(`${as === 'instructor' ? '/instructor' : '/'}#refused=${refusal}`);
  }
}

/** Null for what is told as any other error. */
function refusalOf(error: unknown): SignInRefusal | null {
  if (error instanceof SignInRefused) return error.refusal;
  const code = error instanceof UnicornError ? error.code : null;
  if (code === 'no-capacity') return 'full';
  return code === 'too-many-tries' ? code : null;
}

async function enter(context: HttpContext, reply: FastifyReply, person: Person, as: Role): Promise<string> {
  if (!person.roles.has(as)) {
    throw new SignInRefused(as === 'instructor' ? 'no-instructor' : 'no-learner');
  }
  const signIn = (cookie: string): FastifyReply => reply.header('set-cookie', cookie);
  if (as === 'instructor') {
    signIn(await context.authenticator.signIn({ role: 'instructor' }));
    return '/instructor';
  }
  const { id } = await sessionOf(context, person);
  signIn(await context.authenticator.signIn({ role: 'learner', learner: id }));
  return '/';
}

/** The session of somebody who came before, in whichever browser; else they join. */
async function sessionOf({ store, classroom }: HttpContext, { subject, name }: Person): Promise<LearnerSession> {
  const known = await store.learnerBySubject(subject);
  const before = known === null ? undefined : await classroom.find(known);
  if (before) return before;
  const session = await joinBy(classroom, readable(name));
  const holder = await store.setSubject(subject, session.id);
  if (holder === session.id) return session;
  // They joined in another window at the same time.
  await classroom.remove(session.id);
  const first = await classroom.find(holder);
  if (!first) throw new SignInRefused('failed');
  return first;
}

/** Two people of one name are told apart by a number. */
async function joinBy(classroom: HttpContext['classroom'], name: string): Promise<LearnerSession> {
  for (let number = 1; ; number++)
    try {
      return await classroom.join(number === 1 ? name : `${name} (${number})`);
    } catch (error) {
      if (!(error instanceof UnicornError && error.code === 'name-taken') || number === mostNames) throw error;
    }
}

/** An issuer's name for somebody, where it is one that can be shown. */
function readable(name: string): string {
  try {
    return cleanName([...name].slice(0, 34).join(''));
  } catch {
    return unnamed;
  }
}

function cookieName(context: HttpContext): string {
  return `unicorn-oidc-${new URL(context.publicOrigin()).port || 'usual'}`;
}

function attemptCookie(context: HttpContext, attempt: Attempt | null): string {
  const value = attempt === null ? '' : Buffer.from(JSON.stringify(attempt)).toString('base64url');
  const secure = context.publicOrigin().startsWith('https:');
  const options = {
    secure,
    maxAgeSeconds: attempt === null ? 0 : patience,
    path: '/api/oidc',
    sameSite: 'Lax' as const,
  };
  return formatCookie(cookieName(context), value, options);
}

/** Whoever changes it spoils only their own attempt. */
function attemptOf(context: HttpContext, request: FastifyRequest): Attempt | null {
  const text = readCookie(request.headers.cookie, cookieName(context));
  if (text === null) return null;
  try {
    const { state, nonce, verifier, as } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Attempt;
    const right = [state, nonce, verifier].every(one => /^[\w-]{20,128}$/.test(one));
    return right && (as === 'learner' || as === 'instructor') ? { state, nonce, verifier, as } : null;
  } catch {
    return null;
  }
}
