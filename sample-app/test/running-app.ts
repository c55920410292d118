import { visitor, type Visitor } from '../../test/support/http-client.js';
import type { Config } from '../src/config.js';
import { createApp } from '../src/create-app.js';

export interface RunningApp {
  /** A visitor who comes for the first time. */
  newVisitor(): Visitor;
  /** The same person with the same cookies, at this app. */
  welcomeBack(known: Visitor): Visitor;
  stop(): Promise<void>;
}

/** The sample app on a free port; without a server in memory. */
export function startApp(memcached?: string): Promise<RunningApp> {
  return startAppWith({ memcachedServers: memcached === undefined ? [] : [memcached] });
}

export async function startAppWith(config: Omit<Config, 'port'>): Promise<RunningApp> {
  const app = await createApp({ ...config, port: 0 }, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    newVisitor: () => visitor(url),
    welcomeBack(known) {
      const back = visitor(url);
      back.cookie = known.cookie;
      return back;
    },
    stop: () => app.close(),
  };
}
