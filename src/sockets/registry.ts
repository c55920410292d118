import type { SessionTicket } from '../session/storage/keys.js';
import type { SessionStore } from '../session/storage/store.js';

/** A socket that has a session. */
export interface KeptSocket {
  readonly ticket: SessionTicket | undefined;
  /** The session was taken out of the store by this process. */
  onRemoved(): void;
  close(): void;
}

/** The open sockets of this process that have a session, by its store key. */
export class SocketRegistry {
  private readonly byKey = new Map<string, Set<KeptSocket>>();
  private readonly keys = new WeakMap<KeptSocket, string>();

  add(key: string, socket: KeptSocket): void {
    const sockets = this.byKey.get(key);
    if (sockets) sockets.add(socket);
    else this.byKey.set(key, new Set([socket]));
    this.keys.set(socket, key);
  }

  delete(socket: KeptSocket): void {
    const key = this.keys.get(socket);
    const sockets = key === undefined ? undefined : this.byKey.get(key);
    if (key === undefined || !sockets?.delete(socket)) return;
    if (sockets.size === 0) this.byKey.delete(key);
  }

  /** The sockets of each session. */
  bySession(): KeptSocket[][] {
    return Array.from(this.byKey.values(), (sockets) => [...sockets]);
  }

  /** The store, which tells sockets of sessions that this process takes out of it. */
  listenTo(store: SessionStore): SessionStore {
    return {
      find: (...args) => store.find(...args),
      create: (...args) => store.create(...args),
      update: (...args) => store.update(...args),
      remove: async (key, version) => {
        const result = await store.remove(key, version);
        if (result === 'removed') this.onRemoved(key);
        return result;
      },
    };
  }

  /** Another process has taken a session out of the store. */
  removedElsewhere(key: string): void {
    for (const socket of [...(this.byKey.get(key) ?? [])]) socket.close();
  }

  private onRemoved(key: string): void {
    for (const socket of [...(this.byKey.get(key) ?? [])]) socket.onRemoved();
  }
}
