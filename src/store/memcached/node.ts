import type { ConnectionOptions } from 'node:tls';

import { ServerHealth } from '../server-health.js';
import { isTraced, traced } from '../store-tracing.js';
import { RecordRefused, RecordTooLarge } from '../atomic-record.js';
import { askVersion, MemcachedError, type MemcachedCredentials } from './commands.js';
import { Connection, type Command, type ConnectionObserver } from './connection.js';
import { MalformedReplyError } from './reply-parser.js';
import type { ServerAddress } from './server-address.js';
import { ServerDialer } from './server-dialer.js';
import type { WeightedServer } from './server-ranking.js';

/** How to connect to servers. */
export interface NodeSettings {
  /** How long an operation may take, in milliseconds. */
  readonly timeout: number;
  readonly connections: number;
  readonly tls?: ConnectionOptions | undefined;
  readonly auth?: MemcachedCredentials | undefined;
}

/** A command, or a function that makes one for a server. */
export type CommandFor<T> = Command<T> | ((node: MemcachedNode) => Command<T>);

/** A server's name, weight and address. */
export interface NodeLocation extends WeightedServer {
  readonly address: ServerAddress;
}

/** One memcached server: its connections and its health. */
export class MemcachedNode implements WeightedServer {
  readonly server: string;
  readonly weight: number;
  readonly health: ServerHealth;
  /** Why this server cannot hold sessions: they could be created, but never be read. Absent: it can. */
  unusable: string | undefined;
  /**
   * Whether sessions are read by the meta protocol: memcached sends its replies in one write, not in one
   * each. Known after `diagnose()`.
   */
  speaksMeta = false;
  private readonly connections: readonly Connection[];

  constructor(
    readonly location: NodeLocation,
    settings: NodeSettings,
  ) {
    const { server, weight, address } = location;
    this.server = server;
    this.weight = weight;
    this.health = new ServerHealth(server, { probe: () => this.exchange(askVersion) });
    const onNotice = (notice: string) =>
      this.health.notify((watcher) => watcher.noticed(`memcached ${server}: ${notice}`));
    const dialer = new ServerDialer(address, { ...settings, onNotice });
    const observer = this.observer();
    this.connections = Array.from(
      { length: settings.connections },
      () => new Connection(dialer, settings.timeout, observer),
    );
  }

  /** Sends a command, unless the server is down. `operation`: what it is for. */
  send<T>(command: CommandFor<T>, operation: string): Promise<T> {
    if (!isTraced()) return this.sendIfUp(command, operation);
    return traced(this.server, operation, () => this.sendIfUp(command, operation));
  }

  private sendIfUp<T>(command: CommandFor<T>, operation: string): Promise<T> {
    if (this.health.isDown) return Promise.reject(this.health.refusal());
    if (this.unusable && operation === 'create') {
      return Promise.reject(new MemcachedError(this.unusable));
    }
    return this.exchange(typeof command === 'function' ? command(this) : command);
  }

  /** Sends a command even if the server is down. */
  exchange<T>(command: Command<T>): Promise<T> {
    let [chosen] = this.connections;
    for (const connection of this.connections) {
      if (connection.size < chosen!.size) chosen = connection;
    }
    return chosen!.send(command);
  }

  /**
   * Closes each connection as soon as no command waits on it. Nest closes stores before its HTTP server, so
   * requests in flight are still served, over connections that close after them.
   */
  close(): void {
    this.health.close();
    for (const connection of this.connections) connection.close();
  }

  private observer(): ConnectionObserver {
    const { health } = this;
    return {
      get isDown() {
        return health.isDown;
      },
      replied: () => health.succeeded(),
      refused(error) {
        if (!(error instanceof RecordRefused || error instanceof RecordTooLarge)) {
          health.failed(error);
        }
      },
      lost: (error, failed) => {
        // Another server may answer at this address now.
        if (error instanceof MalformedReplyError) this.speaksMeta = false;
        health.lost(error, failed);
      },
    };
  }
}
