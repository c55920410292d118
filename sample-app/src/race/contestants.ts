import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { OwnContestant } from './own-contestant.js';
import { PeerContestant, usePeerSessions } from './peer-contestant.js';

export const SIDES = ['peer', 'own'] as const;
export type Side = (typeof SIDES)[number];

/** An application that takes part, on a loopback port of its own. */
export interface Contestant {
  readonly url: string;
  stop(): Promise<void>;
}

export type Contestants = Readonly<Record<Side, Contestant>>;

/** Both on this memcached; without one, each in its own memory: express-session's `MemoryStore`, and ours. */
export async function startContestants(memcached: string | undefined): Promise<Contestants> {
  const options = { logger: false, forceCloseConnections: true } as const;
  const peer = await NestFactory.create<NestExpressApplication>(PeerContestant, options);
  usePeerSessions(peer, memcached);
  const own = await NestFactory.create<NestExpressApplication>(
    OwnContestant.on(memcached),
    options,
  );
  const [peerSide, ownSide] = await Promise.all([peer, own].map(listen));
  return { peer: peerSide!, own: ownSide! };
}

async function listen(app: NestExpressApplication): Promise<Contestant> {
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), stop: () => app.close() };
}
