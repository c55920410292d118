import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { connectGateway, SOCKET_PLATFORMS, type GatewayClient } from '../support/gateway-client.js';
import { visitor, type Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startNodeServer, type NodeServer } from '../support/node-server.js';
import { PLATFORMS } from '../support/session-app.js';

const VISITORS = 20;
const CASES = SOCKET_PLATFORMS.flatMap((sockets) =>
  PLATFORMS.map((platform) => ({ sockets, platform })),
);

describe.each(CASES)('SIGTERM with open sockets of $sockets, on $platform', (world) => {
  const { sockets, platform } = world;
  let memcached: Memcached;
  let server: NodeServer;
  let people: Visitor[];
  let clients: GatewayClient[];

  const start = () => startNodeServer('gateway-server.mjs', memcached.server, sockets, platform);

  beforeEach(async () => {
    memcached = await startMemcached();
    server = await start();
    people = Array.from({ length: VISITORS }, () => visitor(server.url));
    clients = [];
    for (const one of people) {
      await one.post('/');
      clients.push(await connectGateway(sockets, server.url, one.cookie));
    }
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    await server.stop();
    await memcached.stop();
  });

  /** What their sessions hold, as another process sees it. */
  async function counts(): Promise<number[]> {
    await server.stop();
    server = await start();
    const answers = await Promise.all(
      people.map((one) => visitor(server.url).get('/', { headers: { cookie: one.cookie } })),
    );
    return answers.map(({ json }) => (json as { count: number }).count);
  }

  it('ends the process, closes them, and keeps what was acknowledged', async () => {
    for (const client of clients) expect((await client.ask('increment')).data).toBe(1);
    await server.stop();
    await Promise.all(clients.map((client) => client.closed));
    expect(await counts()).toEqual(Array(VISITORS).fill(1));
  });

  it('stores what handlers that are under way change', async () => {
    for (const client of clients) client.send('at-the-end');
    // An answer to a later message of the same socket: the earlier one is being handled.
    for (const client of clients) expect((await client.ask('increment')).data).toBe(1);
    await server.stop();
    await Promise.all(clients.map((client) => client.closed));
    expect(await counts()).toEqual(Array(VISITORS).fill(2));
  });
});
