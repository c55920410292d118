import { beforeEach } from '@jest/globals';

import { CurrentSession } from '../../src/session/current-session.js';
import type { SessionPolicy } from '../../src/session/policy.js';
import type { SessionTicket } from '../../src/session/storage/keys.js';
import { SessionWorld } from '../support/session-world.js';

/** A client as one request sees it. */
export class Client {
  isOpen = true;
  isMute = false;
  onUnknownId?: () => void;
  uses = 0;
  reads = 0;
  constructor(readonly id?: string) {}

  presentedTicket(): SessionTicket | undefined {
    return this.id === undefined ? undefined : { id: this.id, secret: 0 };
  }

  onRead(): void {
    this.reads++;
  }

  onUse(): void {
    this.uses++;
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

/** The application begins anew, with other options. */
export const begin = (policy: Partial<SessionPolicy> = {}): void => {
  world = new SessionWorld(policy);
};

/** Begins anew before each test. */
export function useCurrentSession(): void {
  beforeEach(() => {
    begin();
    comes();
  });
}
