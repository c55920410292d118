import type { SessionTicket } from '../session/storage/keys.js';
import type { SessionStore } from '../session/storage/store.js';

/** A socket that has a session. */
export interface RegisteredSocket {
  readonly ticket: SessionTicket | undefined;
  /** This process has removed the session from the store. */
  onRemoved(): void;
  close(): void;
}

/** The open sockets of this process that have a session, by the session's store key. */
export class SocketRegistry {
  private readonly byKey = new Map<string, Set<RegisteredSocket>>();
  private readonly keys = new WeakMap<RegisteredSocket, string>();

  add(key: string, socket: RegisteredSocket): void {
    const sockets = this.byKey.get(key);
    if (sockets) sockets.add(socket);
    else this.byKey.set(key, new Set([socket]));
    this.keys.set(socket, key);
  }

  delete(socket: RegisteredSocket): void {
    const key = this.keys.get(socket);
    const sockets = key === undefined ? undefined : this.byKey.get(key);
    if (key === undefined || !sockets?.delete(socket)) return;
    if (sockets.size === 0) this.byKey.delete(key);
  }

  /** The sockets of each session. */
  bySession(): RegisteredSocket[][] {
    return Array.from(this.byKey.values(), (sockets) => [...sockets]);
  }

  /** Wraps the store: sockets are notified when this process removes their session. */
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
