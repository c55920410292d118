import { beforeEach } from '@jest/globals';

import { CurrentSession } from '../../src/session/current-session.js';
import type { SessionPolicy } from '../../src/session/policy.js';
import type { IncomingSession } from '../../src/session/transport.js';
import { SessionWorld } from '../support/session-world.js';

/** A client as one request sees it. */
export class Client {
  isOpen = true;
  isOneWay = false;
  onUnknownId?: () => void;
  constructor(readonly id?: string) {}

  receive(): IncomingSession {
    return { ticket: this.id === undefined ? undefined : { id: this.id, secret: 0 } };
  }
}

export let world: SessionWorld;

export let client: Client;

export let current: CurrentSession;

export const comes = (id?: string): CurrentSession => {
  client = new Client(id);
  current = new CurrentSession(world.repository, client);
  world.store.calls.length = 0;
  return current;
};

/** Restarts the application with other options. */
export const begin = (policy: Partial<SessionPolicy> = {}): void => {
  world = new SessionWorld(policy);
};

/** Starts over before each test. */
export function useCurrentSession(): void {
  beforeEach(() => {
    begin();
    comes();
  });
}
