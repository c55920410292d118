// Serves plain reads and writes, and prints this package's functions that these called, one a line.
import { Session as Inspector } from 'node:inspector/promises';

import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionModule } from 'nestjs-session-manager';

class CartController {
  read(session) {
    return { items: session.items ?? 0 };
  }

  write(session) {
    return { items: session.increment('items') };
  }
}

const { prototype } = CartController;
for (const [name, route] of Object.entries({ read: Get, write: Post })) {
  Session()(prototype, name, 0);
  route()(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}
Controller()(CartController);

class AppModule {}
const { MEMCACHED: memcached, PLATFORM: platform } = process.env;
Module({
  imports: [SessionModule.forRoot({ memcached })],
  controllers: [CartController],
})(AppModule);

const adapters = {
  express: async () => new (await import('@nestjs/platform-express')).ExpressAdapter(),
  fastify: async () => new (await import('@nestjs/platform-fastify')).FastifyAdapter(),
};
const app = await NestFactory.create(AppModule, await adapters[platform](), { logger: false });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();

async function visit(cookie) {
  const headers = { cookie };
  const read = await fetch(url, { headers });
  const write = await fetch(url, { method: 'POST', headers });
  return [await read.json(), await write.json()];
}

const response = await fetch(url, { method: 'POST' });
const [cookie] = response.headers.get('set-cookie').split(';');
const inspector = new Inspector();
inspector.connect();
await inspector.post('Profiler.enable');
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
// What was called until now does not count.
await inspector.post('Profiler.takePreciseCoverage');
const answers = await visit(cookie);
const { result } = await inspector.post('Profiler.takePreciseCoverage');
console.log(JSON.stringify(answers));
const dist = new URL('.', import.meta.resolve('nestjs-session-manager')).href;
for (const { url: file, functions } of result.filter((script) => script.url.startsWith(dist))) {
  const called = functions.filter(({ ranges: [range] }) => range.count > 0);
  for (const { functionName } of called) console.log(`${file.slice(dist.length)} ${functionName}`);
}
await app.close();
