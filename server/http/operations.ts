import type { FastifyInstance } from 'fastify';
import { metricsType } from '../operations/metrics.ts';
import type { HttpContext } from './context.ts';

const healthPath = '/healthz';
const readyPath = '/readyz';
const metricsPath = '/metrics';

/** What kubelet and Prometheus ask for. It is nobody's, so that it needs no session. */
export const probePaths: ReadonlySet<string | undefined> = new Set([healthPath, readyPath, metricsPath]);

export function routeOperations(app: FastifyInstance, { readiness, metrics }: HttpContext): void {
  app.get(healthPath, async (_, reply) => reply.header('cache-control', 'no-store').type('text/plain').send('ok\n'));
  app.get(readyPath, async (_, reply) => {
    const reasons = await readiness.reasons();
    const ready = reasons.length === 0;
    return reply
      .header('cache-control', 'no-store')
      .code(ready ? 200 : 503)
      .send({ ready, reasons });
  });
  app.get(metricsPath, async (_, reply) =>
    reply.header('cache-control', 'no-store').header('content-type', metricsType).send(metrics.text()),
  );
}
