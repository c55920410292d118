import { Client } from 'pg';

import type { Fault } from './fault.js';
import type { PostgresWorld } from './other-worlds.js';

const hung: Fault<PostgresWorld> = {
  name: 'Postgres hangs (SIGSTOP), and continues',
  async begin({ server }) {
    server.pause();
  },
  async end({ server }) {
    server.resume();
  },
};

const killed: Fault<PostgresWorld> = {
  name: 'Postgres is killed, and restarted',
  async begin({ server }) {
    await server.kill();
  },
  async end({ server }) {
    await server.restart();
  },
};

/** As a migration does that is run at the wrong time. */
function locked(): Fault<PostgresWorld> {
  let other: Client;
  return {
    name: 'the tables are locked by another client',
    async begin({ server }) {
      other = await connected(server.url);
      const { rows } = await other.query<{ name: string }>(
        `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
      );
      const tables = rows.map(({ name }) => name).join(', ');
      await other.query(`BEGIN; LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`);
    },
    async end() {
      await other.query('COMMIT');
      await other.end();
    },
  };
}

/** Other clients have all of its connections. */
function outOfConnections(): Fault<PostgresWorld> {
  const others: Client[] = [];
  return {
    name: 'Postgres is out of connections (`max_connections`)',
    args: ['-c', 'max_connections=40'],
    isProxied: true,
    async begin({ server, proxy }) {
      await proxy.refuse(true);
      for (;;) {
        try {
          others.push(await connected(server.url));
        } catch (error) {
          if ((error as { code?: string }).code === TOO_MANY_CONNECTIONS) break;
          // It has not noticed yet that the applications' connections are gone.
        }
      }
      await proxy.refuse(false);
    },
    async end() {
      await Promise.all(others.map((other) => other.end()));
    },
  };
}

const TOO_MANY_CONNECTIONS = '53300';

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export const postgresFaults = (): Fault<PostgresWorld>[] => [
  hung,
  killed,
  locked(),
  outOfConnections(),
];
