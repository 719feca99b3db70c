import type { FastifyRequest } from 'fastify';
import { UnicornError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Readiness } from '../operations/readiness.ts';
import type { ServerMetrics } from '../operations/server-metrics.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { Classroom } from '../sessions/classroom.ts';
import type { LearnerSession } from '../sessions/learner-session.ts';
import type { Store } from '../store/store.ts';
import type { Authenticator } from './auth.ts';
import type { OpenIdConnect } from './openid-connect.ts';
import type { OriginPolicy } from './origin.ts';
import type { TryLimit } from './try-limit.ts';

/** What the routes and sockets work with. */
export interface HttpContext {
  classroom: Classroom;
  replicas: Replicas;
  store: Store;
  authenticator: Authenticator;
  policy: OriginPolicy;
  tries: TryLimit;
  log: Log;
  metrics: ServerMetrics;
  readiness: Readiness;
  alone: boolean;
  instructorSecret: string;
  /** Whether the code lets learners in. */
  byCode: boolean;
  /** Null where no organisation signs its people in. */
  organisation: OpenIdConnect | null;
  /** The address that browsers use, without a slash at the end. */
  publicOrigin(): string;
}

/** The learner who asks. @throws UnicornError `not-signed-in` */
export async function requireLearner(context: HttpContext, cookie: string | undefined): Promise<LearnerSession> {
  const identity = await context.authenticator.identify(cookie, 'learner');
  const session = identity?.role === 'learner' ? await context.classroom.find(identity.learner) : undefined;
  if (session) return session;
  throw new UnicornError(
    'not-signed-in',
    'You are not signed in.',
    'Join with the link that the server printed or your instructor gave you.',
  );
}

/** @throws UnicornError `not-signed-in` */
export async function requireInstructor(context: HttpContext, cookie: string | undefined): Promise<void> {
  if (await context.authenticator.identify(cookie, 'instructor')) return;
  throw new UnicornError(
    'not-signed-in',
    'This is for the instructor.',
    "Open the instructor's link that the server printed.",
  );
}

/** `requireLearner` for a route. */
export function learnerOf(context: HttpContext, request: FastifyRequest): Promise<LearnerSession> {
  return requireLearner(context, request.headers.cookie);
}
