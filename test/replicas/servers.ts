/** Several servers of one class on a real PostgreSQL. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { Settings } from '../../server/settings.ts';
import { FakeProvider } from '../api/fake-provider.ts';
import { startServer, type TestServer } from '../api/harness.ts';
import { type Program, start } from '../api/process.ts';
import type { TestPostgres } from '../fixtures/postgres.ts';

/** What all servers of a class have in common for browsers: cookies are named after it. */
const publicUrl = new URL('http://workshop.example:8443');

export interface TwoServers {
  a: TestServer;
  b: TestServer;
  provider: FakeProvider;
  databaseUrl: string;
}

/** Two servers in this process, over real sockets, with sandboxes that are played. */
export async function twoServers(
  context: TestContext,
  postgres: TestPostgres,
  settings: Partial<Settings> = {},
): Promise<TwoServers> {
  const databaseUrl = await postgres.database();
  const provider = new FakeProvider();
  const one = () => startServer(context, { ...settings, databaseUrl, publicUrl }, provider);
  const [a, b] = await Promise.all([one(), one()]);
  return { a, b, provider, databaseUrl };
}

/** What real sandboxes run on: `UNICORN_PROVIDER=docker npm test -- replicas` takes Docker. */
export const provider = process.env.UNICORN_PROVIDER ?? 'local';

/** A server as a user starts it. */
export interface ServerProcess {
  program: Program;
  origin: string;
  code: string;
  secret: string;
}

/** Starts a server of the class that this database has. @param origin where browsers reach the class */
export async function startProcess(
  context: TestContext,
  databaseUrl: string,
  data: string,
  origin = publicUrl.origin,
): Promise<ServerProcess> {
  const port = await freePort();
  const flags = ['--json', '--class', '--provider', provider, '--port', String(port), '--data', data];
  const { DOCKER_HOST = '', UNICORN_IMAGE = '' } = process.env;
  const environment = { DATABASE_URL: databaseUrl, DOCKER_HOST, UNICORN_IMAGE };
  const program = start(context, [...flags, '--public-url', origin], environment);
  const { learner, instructor } = await program.addresses();
  return {
    program,
    origin: `http://127.0.0.1:${port}`,
    code: learner.hash.slice('#code='.length),
    secret: instructor.hash.slice('#secret='.length),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
