/*
 * A server process of its own whose sessions go through faults, on the built package or on
 * express-session; in plain JavaScript so that it needs no build. The stores are JSON: `memcached`, `redis`,
 * `valkey` or `postgres`, or memcached and postgres as its durable tier.
 *
 * node faults-server.mjs ours|express-session <stores> <port> express|fastify signal|exit
 */
import 'reflect-metadata';

import { subscribe } from 'node:diagnostics_channel';

import { Controller, Get, Module, Post, Query, Session as PlainSession } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const [contender, stores, port, platform, ending] = process.argv.slice(2);
const { memcached, redis, valkey, postgres } = JSON.parse(stores);
const isOurs = contender === 'ours';

/** The connections this process made, whatever became of them. */
let connects = 0;
subscribe('net.client.socket', () => void connects++);

/** What was written to the log. */
const logged = [];
const told = (message) => void logged.push(String(message?.stack ?? message));
const logger = { log() {}, debug() {}, verbose() {}, warn: told, error: told, fatal: told };

const clock = Date.now;
let clockOffset = 0;
Date.now = () => clock() + clockOffset;

/** Requests that wait to be released. */
const waiting = [];

class FaultsController {
  join(session, { mark }) {
    session.mark = mark;
    session.count = 0;
    return { mark };
  }

  look(session) {
    return seen(session);
  }

  count(session) {
    if (session.mark === undefined) return seen(session);
    session.count = (session.count ?? 0) + 1;
    return seen(session);
  }

  /** Reads the session now, and writes to it when the test says so. */
  async wait(session) {
    await new Promise((resolve) => waiting.push(resolve));
    return this.count(session);
  }

  untouched() {
    return {};
  }
}

function seen({ mark = null, count = null }) {
  return { mark, count };
}

const { prototype } = FaultsController;
const { Session, SessionModule } = await import('nestjs-session-manager');
function route(decorator, name, usesSession = true) {
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  if (!usesSession) return;
  (isOurs ? Session : PlainSession)()(prototype, name, 0);
  Query()(prototype, name, 1);
}
route(Post('join'), 'join');
route(Get('look'), 'look');
route(Post('count'), 'count');
route(Post('wait'), 'wait');
route(Get('untouched'), 'untouched', false);
Controller()(FaultsController);

class AppModule {}
const ours = async () =>
  SessionModule.forRoot({ stores: await ourStores(), cookie: { secure: false } });

/** As the documentation has it. */
async function ourStores() {
  const { memcachedStore } = await import('nestjs-session-manager');
  const { postgresStore } = await import('nestjs-session-manager/postgres');
  const { redisStore } = await import('nestjs-session-manager/redis');
  return [
    ...(memcached ? [memcachedStore(memcached)] : []),
    ...(redis ? [redisStore(redis)] : []),
    ...(valkey ? [redisStore(await valkeyClient())] : []),
    ...(postgres ? [postgresStore({ connectionString: postgres, migrate: true })] : []),
  ];
}

async function valkeyClient() {
  const { Redis } = await import('iovalkey');
  return new Redis(valkey, { lazyConnect: true });
}

/** As each one's documentation has it. */
async function peerStore(session) {
  if (redis) {
    const [{ RedisStore }, { createClient }] = await Promise.all([
      import('connect-redis'),
      import('redis'),
    ]);
    const client = createClient({ url: redis });
    client.on('error', (error) => told(error));
    await client.connect();
    return new RedisStore({ client, prefix: 'express:' });
  }
  if (postgres) {
    const { default: connectPgSimple } = await import('connect-pg-simple');
    const PostgresStore = connectPgSimple(session);
    return new PostgresStore({ conString: postgres, createTableIfMissing: true });
  }
  const { default: connectMemcached } = await import('connect-memcached');
  return new (connectMemcached(session))({ hosts: [memcached], prefix: 'express:' });
}

Module({ imports: isOurs ? [await ours()] : [], controllers: [FaultsController] })(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger });
if (!isOurs) {
  const { default: expressSession } = await import('express-session');
  const store = await peerStore(expressSession);
  const secret = 'only-for-the-tests-only-for-the-tests';
  app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }));
}
app.enableShutdownHooks(undefined, { useProcessExit: ending === 'exit' });
await app.listen(Number(port), '127.0.0.1');

// Nothing to live for without the tests.
process.on('disconnect', () => process.exit());
process.on('message', ({ clockOffset: offset = clockOffset, collects, release, block = 0 }) => {
  clockOffset = offset;
  if (collects) globalThis.gc();
  for (const end = performance.now() + block; performance.now() < end;);
  if (release) for (const go of waiting.splice(0)) go();
  const { heapUsed } = process.memoryUsage();
  const isListening = app.getHttpServer().listening;
  process.send({ heapUsed, connects, logged, waiting: waiting.length, isListening });
});
process.send({ port: app.getHttpServer().address().port });
