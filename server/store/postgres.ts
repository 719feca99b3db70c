import pg, { type ClientConfig, type PoolClient } from 'pg';
import { type Dialect, PostgresDialect, type PostgresPool, type PostgresPoolClient } from '#kysely';
import { isAway, StoreUnavailable } from './unavailable.ts';

const mostConnections = 10;
const connectMs = 5000;
const statementMs = 10_000;

/**
 * How to connect to the database of this URL, with bounds on every wait. TLS is in the URL, as PostgreSQL's own programs take it: `?sslmode=verify-full`,
 * `&sslrootcert=FILE`, `&sslcert=FILE&sslkey=FILE`.
 */
export function clientConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'unicorn',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: statementMs,
    // A server that is gone without a word ends the wait too.
    query_timeout: statementMs + 2000,
    keepAlive: true,
    types: {
      getTypeParser: (id, format) => (id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format)),
    },
  };
}

/** Kysely's PostgreSQL dialect over a bounded pool. What says that the database is away is thrown as `StoreUnavailable`. */
export function postgresDialect(url: string): Dialect {
  return new PostgresDialect({ pool: async () => openPool(url) });
}

function openPool(url: string): PostgresPool {
  const pool = new pg.Pool({ ...clientConfig(url), max: mostConnections, idleTimeoutMillis: 30_000 });
  // An idle connection that breaks is replaced by the next use; whoever asks then is told.
  pool.on('error', () => {});
  return {
    connect: async () => wrapClient(await pool.connect().catch(translate)),
    end: () => pool.end(),
  };
}

/** A client for one use; one that lost the database is not given back for the next. */
function wrapClient(client: PoolClient): PostgresPoolClient {
  let broken = false;
  const lost = () => {
    broken = true;
  };
  client.on('error', lost);
  const query = async (text: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      broken ||= isAway(error);
      return translate(error);
    }
  };
  const release = () => {
    client.off('error', lost);
    client.release(broken);
  };
  return { query: query as unknown as PostgresPoolClient['query'], release };
}

function translate(error: unknown): never {
  throw isAway(error) ? new StoreUnavailable(error) : error;
}
