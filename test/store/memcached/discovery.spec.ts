import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../../src/session/session-id.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import { nodesIn } from '../../../src/store/memcached/discovery.js';
import type { MemcachedLocation } from '../../../src/store/memcached/options.js';
import { best } from '../../../src/store/memcached/server-ranking.js';
import {
  clusterEndpoint,
  clusterReply,
  type ClusterEndpoint,
} from '../../support/cluster-endpoint.js';
import { fakeDns, type FakeDns } from '../../support/fake-dns.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { storeKeyOf } from '../../support/store-key.js';
import { TIMEOUT } from '../../support/stores.js';
import { watchedStore, type WatchedStore } from '../../support/watched-store.js';

const KEYS = Array.from({ length: 300 }, () => storeKeyOf(newSessionId()));

let open: WatchedStore;
let started: Memcached[];

beforeEach(() => {
  started = [];
});

afterEach(async () => {
  await open.keyv.disconnect();
  await Promise.all(started.map((memcached) => memcached.stop()));
});

async function start(options: Parameters<typeof startMemcached>[0] = {}): Promise<Memcached> {
  const memcached = await startMemcached(options);
  started.push(memcached);
  return memcached;
}

const openOver = (location: MemcachedLocation): void => {
  open = watchedStore(location);
};
const fill = () => Promise.all(KEYS.map((key) => open.store.create(key, key, TIMEOUT)));
const found = async (): Promise<string[]> => {
  const records = await Promise.all(KEYS.map((key) => open.store.find(key)));
  return records.flatMap((record) => record?.text ?? []);
};
const names = () => open.servers.map(({ server }) => server);
const keysOf = (servers: readonly Memcached[]) =>
  Promise.all(servers.map((server) => server.keys()));
/** The keys that have the same server among these as among those. */
const staying = (some: readonly Memcached[], others: readonly Memcached[]): string[] => {
  const serverOf = (key: string, all: readonly Memcached[]) =>
    best(
      all.map(({ server }) => ({ server, weight: 1 })),
      key,
    ).server;
  return KEYS.filter((key) => serverOf(key, some) === serverOf(key, others));
};

describe('the nodes of an ElastiCache cluster', () => {
  let endpoint: ClusterEndpoint;

  beforeEach(async () => {
    endpoint = await clusterEndpoint();
  });

  afterEach(() => endpoint.close());

  const nodeOf = ({ port }: Memcached) => `127.0.0.1||${port}`;
  const list = (...servers: Memcached[]) => endpoint.list(...servers.map(nodeOf));
  const openCluster = () =>
    openOver({ servers: [{ elasticache: endpoint.server, pollEvery: 1 }], timeout: 300 });

  it('hold the sessions', async () => {
    const servers = [await start(), await start()];
    list(...servers);
    openCluster();
    expect(names()).toEqual([`elasticache ${endpoint.server}`]);
    await fill();
    const [one, other] = await keysOf(servers);
    expect(one!.length + other!.length).toBe(KEYS.length);
    expect(Math.min(one!.length, other!.length)).toBeGreaterThan(KEYS.length / 4);
    expect(names()).toEqual(servers.map(({ server }) => server));
    expect(open.told).toEqual([]);
  });

  it('are found before the first session by a diagnosis', async () => {
    const server = await start();
    list(server);
    openCluster();
    expect(await open.diagnose(1000)).toEqual([
      { server: server.server, version: expect.stringMatching(/^1\./), problem: undefined },
    ]);
    expect(names()).toEqual([server.server]);
  });

  it('of which one is new are used without a restart; only sessions moved to it are lost', async () => {
    const before = [await start(), await start()];
    const added = await start();
    list(...before);
    openCluster();
    await fill();
    list(...before, added);
    expect(await open.untilTold(/has changed/)).toBe(
      `The list of memcached servers has changed. New: ${added.server}. Gone: none. ` +
        'Sessions whose server is another one now are not found any more.',
    );
    expect(names()).toEqual([...before, added].map(({ server }) => server));
    const stay = staying(before, [...before, added]);
    expect(stay.length).toBeLessThan(KEYS.length);
    expect(await found()).toEqual(stay);
  });

  it('of which one is gone are used without it; only its sessions are lost', async () => {
    const servers = [await start(), await start(), await start()];
    const [gone, ...others] = servers;
    list(...servers);
    openCluster();
    await fill();
    list(...others);
    expect(await open.untilTold(/has changed/)).toMatch(
      new RegExp(`New: none. Gone: ${gone!.server}\\.`),
    );
    expect(names()).toEqual(others.map(({ server }) => server));
    expect(await found()).toEqual(staying(servers, others));
  });

  it('of which one stops answering are listed again before the next poll', async () => {
    const servers = [await start(), await start()];
    list(...servers);
    openOver({ servers: { elasticache: endpoint.server, pollEvery: 3_600 }, timeout: 300 });
    await fill();
    list(servers[1]!);
    await servers[0]!.kill();
    await Promise.allSettled(KEYS.slice(0, 20).map((key) => open.store.find(key)));
    await open.untilTold(/has changed/);
    expect(names()).toEqual([servers[1]!.server]);
    expect(await open.store.create('sess:new', 'text', TIMEOUT)).toBe('stored');
  });

  it('that stay keep their connections, and the same list is not logged', async () => {
    const server = await start();
    list(server);
    openCluster();
    await fill();
    const connections = async () => (await server.stats()).total_connections;
    const asked = Number(await connections());
    list(server); // another version of it
    await endpoint.untilAsked(2);
    await found();
    expect(Number(await connections())).toBe(asked + 1); // the one that asks
    expect(open.told).toEqual([]);
  });

  it.each<[string, string | undefined]>([
    ['empty', clusterReply('7\n\n')],
    ['empty, without a version', clusterReply('')],
    ['garbled', clusterReply('7\nSECRET SECRET\n')],
    ['garbled within', clusterReply('7\n127.0.0.1||1 cache|x\n')],
    ['without a port', clusterReply('7\ncache.test|1.2.3.4|\n')],
    ['with an invalid port', clusterReply('7\ncache.test|1.2.3.4|99999\n')],
    ['missing', 'END\r\n'],
    ['not known', 'ERROR\r\n'],
    ['an error', 'SERVER_ERROR internal\r\n'],
    ['cut off', 'CONFIG cluster 0 9\r\n'],
    ['not answered', undefined],
  ])('stay the last ones if the list is %s, which is logged once', async (_what, reply) => {
    const server = await start();
    list(server);
    openCluster();
    await fill();
    endpoint.answer(reply);
    await open.untilTold(/last one stays/);
    await endpoint.untilAsked(1);
    expect(names()).toEqual([server.server]);
    expect(await found()).toHaveLength(KEYS.length);
    expect(open.told).toEqual([
      expect.stringMatching(
        new RegExp(`^The list of servers of elasticache ${endpoint.server} cannot be read`),
      ),
    ]);
    expect(open.told.join()).not.toMatch(/SECRET/);
  });

  it('stay the last ones if the list becomes empty', async () => {
    const server = await start();
    list(server);
    openCluster();
    await fill();
    await endpoint.close();
    expect(await open.untilTold(/last one stays/)).toMatch(/elasticache .*ECONNREFUSED/);
    expect(await found()).toHaveLength(KEYS.length);
    endpoint = await clusterEndpoint();
  });

  it('are found when they are first listed; until then operations fail in time', async () => {
    const server = await start();
    endpoint.answer(undefined);
    openCluster();
    const began = performance.now();
    await expect(open.store.find('sess:a')).rejects.toBeInstanceOf(SessionStoreError);
    expect(performance.now() - began).toBeLessThan(5_000); // without a time-out it has no end
    expect(open.servers[0]).toMatchObject({
      server: `elasticache ${endpoint.server}`,
      state: 'failing',
    });
    list(server);
    await endpoint.untilAsked(1);
    expect(await open.store.create('sess:a', 'text', TIMEOUT)).toBe('stored');
    expect(names()).toEqual([server.server]);
  });

  it('are not listed any more after the store is closed', async () => {
    list(await start());
    openCluster();
    await fill();
    await open.keyv.disconnect();
    let asked = 0;
    void endpoint.untilAsked(1).then(() => asked++);
    await new Promise((resolve) => setTimeout(resolve, 1_300)); // the next look would be within 1 s
    expect(asked).toBe(0);
  });
});

describe('the configuration of a cluster', () => {
  it('has name, address and port of each node', () => {
    expect(nodesIn('12\na.test|10.0.0.1|11211 b.test||11212\n')).toEqual([
      { server: 'a.test:11211', weight: 1, address: { host: '10.0.0.1', port: 11211 } },
      { server: 'b.test:11212', weight: 1, address: { host: 'b.test', port: 11212 } },
    ]);
  });

  it('may have IPv6 addresses', () => {
    expect(nodesIn('1\na.test|fd00::1|11211')).toMatchObject([
      { server: 'a.test:11211', address: { host: 'fd00::1', port: 11211 } },
    ]);
  });

  it.each([
    '',
    '1',
    '1\n',
    '1\n|10.0.0.1|11211',
    '1\na|b',
    '1\na|b|c',
    '1\na|b c|11211',
    '1\na||0',
  ])('is refused in another format: %j', (configuration) => {
    expect(() => nodesIn(configuration)).toThrow(/configuration of the cluster cannot be read/);
  });
});

describe('the servers of a DNS name', () => {
  let dns: FakeDns;
  let port: number;

  beforeEach(() => {
    dns = fakeDns();
  });

  afterEach(() => dns.restore());

  const startAll = async (...hosts: string[]): Promise<Memcached[]> => {
    const servers: Memcached[] = [];
    for (const host of hosts) servers.push(await start({ host, ...(port && { port }) }));
    return servers;
  };
  const startFirst = async (host: string): Promise<Memcached> => {
    const memcached = await start({ host });
    ({ port } = memcached);
    return memcached;
  };
  const openName = (more: object = {}) =>
    openOver({ servers: [{ dns: `cache.test:${port}`, pollEvery: 1, ...more }], timeout: 300 });

  it('are all its addresses, in any order', async () => {
    const servers = [await startFirst('127.0.0.2'), ...(await startAll('127.0.0.3'))];
    dns.set('cache.test', '127.0.0.3', '127.0.0.2', '127.0.0.3');
    openName();
    await fill();
    const [one, other] = await keysOf(servers);
    expect(one!.length + other!.length).toBe(KEYS.length);
    expect(names()).toEqual(servers.map(({ server }) => server));
    expect(open.told).toEqual([]);
  });

  it('may change without a restart; only sessions whose server changed are lost', async () => {
    const [one, two] = [await startFirst('127.0.0.2'), ...(await startAll('127.0.0.3'))];
    const three = (await startAll('127.0.0.4'))[0]!;
    dns.set('cache.test', '127.0.0.2', '127.0.0.3');
    openName();
    await fill();
    dns.set('cache.test', '127.0.0.2', '127.0.0.4');
    expect(await open.untilTold(/has changed/)).toMatch(
      `New: ${three.server}. Gone: ${two!.server}.`,
    );
    expect(await found()).toEqual(staying([one, two!], [one, three]));
  });

  it('stay the last ones if the name is unknown for a while, which is logged', async () => {
    const server = await startFirst('127.0.0.2');
    dns.set('cache.test', '127.0.0.2');
    openName();
    await fill();
    dns.set('cache.test');
    expect(await open.untilTold(/last one stays/)).toMatch(/dns cache\.test.*ENOTFOUND/);
    expect(names()).toEqual([server.server]);
    expect(await found()).toHaveLength(KEYS.length);
  });

  it('stay the last ones if DNS does not answer, and operations do not wait', async () => {
    await startFirst('127.0.0.2');
    dns.set('cache.test', '127.0.0.2');
    openName();
    await fill();
    dns.hang('cache.test');
    expect(await open.untilTold(/last one stays/)).toMatch(/no answer within 300 ms/);
    // The fastest of some rounds: a busy machine makes single ones slow, one that waits makes all.
    const took: number[] = [];
    for (let round = 0; round < 5; round++) {
      const began = performance.now();
      expect(await found()).toHaveLength(KEYS.length);
      took.push(performance.now() - began);
    }
    expect(Math.min(...took)).toBeLessThan(300);
  });

  it('have their weight beside single servers', async () => {
    const listed = await startFirst('127.0.0.2');
    const named = await start();
    dns.set('cache.test', '127.0.0.2');
    openOver([named.server, { dns: `cache.test:${port}`, weight: 4 }]);
    // Until the name is looked up, there is one server already.
    await open.diagnose(1000);
    await fill();
    const [ofListed, ofNamed] = await keysOf([listed, named]);
    expect(ofListed!.length).toBeGreaterThan(2 * ofNamed!.length);
  });
});
