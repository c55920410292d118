import { visitor, type Visitor } from '../../test/support/http-client.js';
import { createApp } from '../src/create-app.js';

export interface RunningApp {
  /** Somebody who comes for the first time. */
  newVisitor(): Visitor;
  /** The same person with the same cookies, at this app. */
  welcomeBack(known: Visitor): Visitor;
  stop(): Promise<void>;
}

/** The sample app on a free port; without servers in memory. */
export async function startApp(...memcachedServers: string[]): Promise<RunningApp> {
  const app = await createApp({ port: 0, memcachedServers }, { logger: false });
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
