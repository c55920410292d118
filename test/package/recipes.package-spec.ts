import { readFile } from 'node:fs/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';

import { connectSocketIo } from '../support/gateway-client.js';
import { operate } from '../support/graphql-apps.js';
import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { readmeExample } from './readme-example.js';

/** Milliseconds; to compile and to start an application on a busy machine. */
const RECIPE_TIMEOUT = 120_000;

const main = `
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
await app.listen(Number(process.env.PORT), '127.0.0.1');
`;

const appModule = `
import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-session-manager';
import { AuthController } from './auth.controller.js';
import { DevicesController } from './devices.controller.js';
import { NotesController } from './notes.controller.js';
import { PasswordController } from './password.controller.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [SessionModule.forRoot()],
  controllers: [AuthController, DevicesController, NotesController, PasswordController],
  providers: [UsersService],
})
export class AppModule {}
`;

const usersService = `
import { Injectable } from '@nestjs/common';

@Injectable()
export class UsersService {
  private password = 'first';

  async verify(name: string, password: string) {
    return password === this.password ? { id: name === 'ada' ? 7 : 8, name } : undefined;
  }

  async changePassword(_userId: string, old: string, password: string) {
    if (old !== this.password) return false;
    this.password = password;
    return true;
  }
}
`;

const chatModule = `
import { Controller, Get, Module } from '@nestjs/common';
import { Session, SessionModule } from 'nestjs-session-manager';
import { AuthController } from './auth.controller.js';
import { ChatGateway } from './chat.gateway.js';
import { UsersService } from './users.service.js';

@Controller()
class SaidController {
  @Get('said')
  said(@Session('said') said: number) {
    return { said };
  }
}

@Module({
  imports: [SessionModule.forRoot()],
  controllers: [AuthController, SaidController],
  providers: [ChatGateway, UsersService],
})
export class AppModule {}
`;

const membersModule = `
import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-session-manager';
import { AuthController } from './auth.controller.js';
import { MembersGateway } from './members.gateway.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [SessionModule.forRoot()],
  controllers: [AuthController],
  providers: [MembersGateway, UsersService],
})
export class AppModule {}
`;

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('connect', resolve));

const disconnected = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.once('disconnect', resolve));

describe('the documented recipes compile, and do what they say', () => {
  const cleanUps: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /** An application made of a recipe's module, and what else the recipe has. */
  async function start(sources: Record<string, string>) {
    const consumer = await Consumer.link({ 'main.ts': main, ...sources });
    cleanUps.push(() => consumer.remove());
    await consumer.compile();
    const server = await consumer.start();
    cleanUps.push(() => server.stop());
    return { consumer, url: server.url };
  }

  it(
    'header transport: a mobile client by header, a browser by cookie',
    async () => {
      const { consumer, url } = await start({
        'app.module.ts': await readmeExample('header-transport'),
        'client.ts': await readmeExample('header-transport-client'),
      });
      const { send } = await consumer.load('client.js');
      const post = async (path: string): Promise<unknown> =>
        (await send(url + path, { method: 'POST' })).text();
      expect([await post('/cart'), await post('/cart')]).toEqual(['1', '2']);
      await post('/sign-out');
      expect(await post('/cart')).toBe('1');

      const browser = visitor(url);
      expect((await browser.post('/cart')).headers).not.toHaveProperty('x-session-id');
      expect((await browser.post('/cart')).body).toBe('2');
    },
    RECIPE_TIMEOUT,
  );

  it(
    'users: log in and out, see and end sessions, change the password',
    async () => {
      const { url } = await start({
        'app.module.ts': appModule,
        'users.service.ts': usersService,
        'auth.controller.ts': await readmeExample('log-in'),
        'devices.controller.ts': await readmeExample('users-and-their-sessions'),
        'password.controller.ts': await readmeExample('changing-the-password'),
        'notes.controller.ts': await readmeExample('flash'),
      });
      const signedIn = async (password: string) => {
        const somebody = visitor(url);
        const { status } = await somebody.post('/login', { name: 'ada', password });
        expect(status).toBe(204);
        return somebody;
      };
      const [phone, desk] = [await signedIn('first'), await signedIn('first')];
      const list = (await phone.get('/devices')).json;
      expect(list).toHaveLength(2);
      expect((await visitor(url).get('/devices')).status).toBe(401);

      const { handle } = list.find(({ current }: { current: boolean }) => !current);
      const end = await phone.request(`/devices/${handle}`, { method: 'DELETE' });
      expect(end.json).toEqual({ ended: true });
      expect((await desk.get('/devices')).status).toBe(401);

      const tablet = await signedIn('first');
      expect((await phone.post('/password', { old: 'no', new: 'x' })).status).toBe(401);
      expect((await phone.post('/password', { old: 'first', new: 'second' })).status).toBe(204);
      expect((await tablet.get('/devices')).status).toBe(401);
      expect((await phone.get('/devices')).json).toHaveLength(1);

      await signedIn('second');
      await phone.request('/devices', { method: 'DELETE' });
      expect((await phone.get('/devices')).status).toBe(401);

      const shared = await signedIn('second');
      const grace = { name: 'grace', password: 'second' };
      expect((await shared.post('/login', grace)).status).toBe(204);
      expect((await shared.get('/devices')).json).toHaveLength(1);

      const last = await signedIn('second');
      expect((await last.post('/logout')).status).toBe(204);
      expect((await last.get('/devices')).status).toBe(401);

      const writer = visitor(url);
      expect((await writer.post('/notes', { text: 'x' })).status).toBe(303);
      const notice = { level: 'info', text: 'Saved: x' };
      expect((await writer.get('/notes')).json).toEqual({ notice });
      expect((await writer.get('/notes')).json).toEqual({ notice: null });
    },
    RECIPE_TIMEOUT,
  );

  it(
    'GraphQL: resolvers and a guard',
    async () => {
      const { url } = await start({ 'app.module.ts': await readmeExample('graphql') });
      const somebody = visitor(url);
      expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
      await operate(somebody, 'mutation { signIn(name: "Ada") }');
      expect((await operate(somebody, '{ me }')).data).toEqual({ me: 'Ada' });
      await operate(somebody, 'mutation { signOut }');
      expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
    },
    RECIPE_TIMEOUT,
  );

  it(
    'WebSockets: a gateway, its guard, and a client that connects again',
    async () => {
      const { consumer, url } = await start({
        'app.module.ts': chatModule,
        'users.service.ts': usersService,
        'auth.controller.ts': await readmeExample('log-in'),
        'chat.gateway.ts': await readmeExample('websockets'),
        'client.ts': await readmeExample('websockets-client'),
      });
      const connect = (cookie?: string): Socket => {
        const socket = connectSocketIo(url, cookie);
        cleanUps.push(() => Promise.resolve(void socket.disconnect()));
        return socket;
      };
      const signedIn = async () => {
        const somebody = visitor(url);
        await somebody.post('/login', { name: 'ada', password: 'first' });
        return somebody;
      };
      expect(await disconnected(connect())).toBe('io server disconnect');

      const [ada, listener] = [await signedIn(), await signedIn()];
      const [socket, other] = [connect(ada.cookie), connect(listener.cookie)];
      await Promise.all([connected(socket), connected(other)]);
      const heard = new Promise((resolve) => other.once('said', resolve));
      expect(await socket.timeout(5000).emitWithAck('say', 'hello')).toEqual({ said: 1 });
      expect(await heard).toEqual({ by: 'ada', text: 'hello' });
      expect((await ada.get('/said')).json).toEqual({ said: 1 });

      const { connectAgain } = await consumer.load('client.js');
      connectAgain(socket, () => Promise.resolve(true));
      const [ended, again] = [disconnected(socket), connected(socket)];
      await ada.post('/logout');
      expect(await ended).toBe('io server disconnect');
      await again;
      expect(await disconnected(socket)).toBe('io server disconnect');
      expect(other.connected).toBe(true);
    },
    RECIPE_TIMEOUT,
  );

  it(
    'WebSockets: a handshake from another origin is refused, though its visitor is signed in',
    async () => {
      const { url } = await start({
        'app.module.ts': membersModule,
        'users.service.ts': usersService,
        'auth.controller.ts': await readmeExample('log-in'),
        'members.gateway.ts': await readmeExample('websockets-handshake'),
      });
      const ada = visitor(url);
      await ada.post('/login', { name: 'ada', password: 'first' });
      const isWelcome = async (cookie: string | undefined, origin: string) => {
        const socket = connectSocketIo(url, cookie, ['websocket'], origin);
        const connecting = new Promise((resolve) => socket.once('connect', () => resolve(true)));
        const failing = new Promise((resolve) =>
          socket.once('connect_error', () => resolve(false)),
        );
        const isConnected = await Promise.race([connecting, failing]);
        socket.disconnect();
        return isConnected;
      };
      expect(await isWelcome(ada.cookie, 'https://shop.example')).toBe(true);
      expect(await isWelcome(undefined, 'https://shop.example')).toBe(false);
      expect(await isWelcome(ada.cookie, 'https://other.example')).toBe(false);
    },
    RECIPE_TIMEOUT,
  );

  it(
    'OpenTelemetry: the code that test/e2e/opentelemetry tries',
    async () => {
      const recipe = await readmeExample('opentelemetry');
      const tried = new URL('../support/opentelemetry-recipe.ts', import.meta.url);
      expect(recipe).toBe(await readFile(tried, 'utf8'));
      const consumer = await Consumer.link({ 'telemetry.ts': recipe });
      cleanUps.push(() => consumer.remove());
      await consumer.compile();
    },
    RECIPE_TIMEOUT,
  );
});
