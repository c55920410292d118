/*
 * A server process of its own on the built package, in plain JavaScript so that it needs no build.
 * `POST /run` does a list of operations on its session; at a `wait` it stops, informs its parent
 * process, and continues when that one says so.
 *
 * node races-server.mjs memcached|redis|valkey|postgres <server> express|fastify [folder of the package]
 */
import 'reflect-metadata';

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Body, ConflictException, Controller, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const [kind, server, platform, folder] = process.argv.slice(2);
const ofPackage = (entry) => {
  if (folder) return import(pathToFileURL(join(folder, `dist/${entry}.js`)).href);
  return import(`nestjs-session-manager${entry === 'index' ? '' : `/${entry}`}`);
};
const { SessionManager, SessionModule } = await ofPackage('index');

const waiting = new Map();
process.on('message', ({ release }) => {
  waiting.get(release)?.();
  waiting.delete(release);
});
// Nothing to live for without the tests.
process.on('disconnect', () => process.exit());

function wait(token) {
  return new Promise((resolve) => {
    waiting.set(token, resolve);
    process.send({ waits: token });
  });
}

class RacesController {
  constructor(sessions) {
    this.sessions = sessions;
  }

  async run({ token, number, operations }) {
    const results = [];
    for (const [index, operation] of operations.entries()) {
      const request = { token, own: `own${number}`, tag: `${number}.${index}`, results };
      results.push((await this.perform(operation, request)) ?? null);
    }
    return { results };
  }

  async perform(operation, { token, own, tag, results }) {
    if (operation.do === 'wait') return wait(token);
    if (operation.do === 'refuse') throw new ConflictException({ results });
    if (operation.do === 'destroy') return this.sessions.destroy();
    if (operation.do === 'create') return void (await this.sessions.create());
    if (operation.do === 'regenerate') {
      return void (await this.sessions.regenerate({ keep: operation.keep }));
    }
    if (operation.do === 'signIn') {
      return void (await this.sessions.signIn(operation.user, { keep: operation.keep }));
    }
    if (operation.do === 'save') return this.sessions.save();

    const session = await this.sessions.current();
    const entry = operation.entry === 'own' ? own : operation.entry;
    switch (operation.do) {
      case 'read':
        // As it is now, whatever is done to its values later.
        return JSON.parse(JSON.stringify({ ...session.toJSON(), '@user': session.userId }));
      case 'set':
        return void session.set(entry, tag);
      case 'delete':
        return session.delete(entry);
      case 'increment':
        return session.increment('count', operation.by);
      case 'append':
        return void session.update('list', (list) => [...(list ?? []), tag]);
      case 'push':
        session.list ??= [];
        return void session.list.push(tag);
      case 'clear':
        return session.clear();
      default:
        throw new Error(`no such operation: ${operation.do}`);
    }
  }
}
const { prototype } = RacesController;
Post('run')(prototype, 'run', Object.getOwnPropertyDescriptor(prototype, 'run'));
Body()(prototype, 'run', 0);
Inject(SessionManager)(RacesController, undefined, 0);
Controller()(RacesController);

class AppModule {}
const sessions = SessionModule.forRoot(await place());
Module({ imports: [sessions], controllers: [RacesController] })(AppModule);

/** A machine that is short of breath must not look like an outage. */
async function place() {
  const timeout = 20_000;
  if (kind === 'memcached') return { memcached: { servers: server, timeout } };
  if (kind === 'redis') {
    const { redisStore } = await ofPackage('redis');
    return { stores: redisStore({ url: `redis://${server}`, timeout }) };
  }
  if (kind === 'valkey') {
    const { redisStore } = await ofPackage('redis');
    const { Redis } = await import('iovalkey');
    const client = new Redis(`redis://${server}`, { lazyConnect: true });
    return { stores: redisStore({ client, timeout }) };
  }
  const { postgresStore } = await ofPackage('postgres');
  const connectionString = `postgresql://postgres@${server}/postgres`;
  return { stores: postgresStore({ connectionString, migrate: true, timeout }) };
}

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['fatal'] });
await app.listen(0, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
