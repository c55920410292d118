import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startNodeServer, type NodeServer } from '../support/node-server.js';
import { startPostgres } from '../support/postgres.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class EntriesController {
  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('set/:key')
  set(@Session() session: Session, @Param('key') key: string) {
    session.set(key, true);
  }

  @Post('increment')
  increment(@Session() session: Session) {
    session.increment('count');
  }

  @Post('delete/:key')
  delete(@Session() session: Session, @Param('key') key: string) {
    session.delete(key);
  }
}

const times = <T>(count: number, work: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)));

describe.each(PLATFORMS)('parallel requests of one session, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    const options = { memcached: memcached.server };
    app = await startSessionApp({ platform, options, controllers: [EntriesController] });
  });

  afterAll(async () => {
    await app.close();
    await memcached.stop();
  });

  it('keep all of 50 entries, one set by each', async () => {
    const somebody = app.visitor();
    await somebody.post('/set/first');
    const answers = await times(50, (i) => somebody.post(`/set/key${i}`));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    expect(Object.keys((await somebody.get('/')).json)).toHaveLength(51);
  });

  it('set and delete different entries independently', async () => {
    const somebody = app.visitor();
    await somebody.post('/set/old');
    await times(20, (i) => somebody.post(`/set/key${i}`));
    await Promise.all([
      somebody.post('/delete/old'),
      somebody.post('/delete/key3'),
      somebody.post('/set/new'),
      somebody.post('/increment'),
    ]);
    const entries: object = (await somebody.get('/')).json;
    expect(entries).toMatchObject({ new: true, count: 1, key4: true });
    expect(entries).not.toHaveProperty('old');
    expect(entries).not.toHaveProperty('key3');
  });

  it('count 100 increments', async () => {
    const somebody = app.visitor();
    await somebody.post('/increment');
    await times(100, () => somebody.post('/increment'));
    expect((await somebody.get('/')).json).toEqual({ count: 101 });
  });
});

const PLACES: [string, () => Promise<{ location: string; stop(): Promise<void> }>][] = [
  [
    'memcached',
    async () => {
      const memcached = await startMemcached();
      return { location: memcached.server, stop: () => memcached.stop() };
    },
  ],
  [
    'Postgres',
    async () => {
      const postgres = await startPostgres();
      return { location: postgres.url, stop: () => postgres.stop() };
    },
  ],
];

describe.each(PLACES)('parallel requests of one session in two processes on %s', (_, begin) => {
  let stop: () => Promise<void>;
  let servers: NodeServer[];
  let urls: string[];

  beforeAll(async () => {
    const place = await begin();
    stop = () => place.stop();
    servers = await Promise.all(
      [0, 1].map(() => startNodeServer('counter-server.mjs', place.location)),
    );
    urls = servers.map(({ url }) => url);
  }, 60_000);

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await stop();
  });

  async function oneSessionOnBoth() {
    const somebody = visitor(urls[0]!);
    await somebody.post('/increment');
    return urls.map((url) => {
      const onThisServer = visitor(url);
      onThisServer.cookie = somebody.cookie;
      return onThisServer;
    });
  }

  it('count exactly 200 increments', async () => {
    const visitors = await oneSessionOnBoth();
    const answers = await times(200, (i) => visitors[i % 2]!.post('/increment'));
    expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
    expect((await visitors[0]!.get('/')).json).toEqual({ count: 201 });
  });

  it('keep all of 200 updates by a function', async () => {
    const visitors = await oneSessionOnBoth();
    await times(200, (i) => visitors[i % 2]!.post('/update'));
    const { list } = (await visitors[1]!.get('/')).json as { list: number[] };
    const counts = servers.map(({ pid }) => list.filter((by) => by === pid).length);
    expect(counts).toEqual([100, 100]);
  });
});
