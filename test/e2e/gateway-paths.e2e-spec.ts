import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';

import { connectGateway, useSockets } from '../support/gateway-client.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';
import { PagesController, PathGateway } from './feature-gateways.js';

describe('gateways with ws, by path', () => {
  let app: SessionApp;

  beforeAll(async () => {
    app = await startSessionApp({
      controllers: [PagesController],
      providers: [PathGateway],
      prepare: useSockets('ws'),
    });
  });

  afterAll(() => app.close());

  async function signedIn() {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    return visitor;
  }

  it('have their session', async () => {
    const client = await connectGateway('ws', `${app.url}/room`, (await signedIn()).cookie);
    expect((await client.ask('name')).data).toBe('Ada');
    client.close();
  });

  it('drop messages of a client that does not close when it should', async () => {
    const visitor = await signedIn();
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/room`, {
      headers: { cookie: visitor.cookie },
    });
    await once(socket, 'open');
    socket.send('{"event":"without"}');
    await once(socket, 'message');
    socket.pause();
    await visitor.post('/sign-out');
    socket.send('{"event":"without"}');
    // Another socket's messages come later, and are answered.
    const other = await connectGateway('ws', `${app.url}/room`);
    expect((await other.ask('without')).data).toBe(2);
    socket.resume();
    expect((await once(socket, 'close'))[0]).toBe(4401);
    expect((await other.ask('without')).data).toBe(3);
    other.close();
  });
});
