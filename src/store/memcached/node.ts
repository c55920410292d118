import type { ConnectionOptions } from 'node:tls';

import { ServerHealth } from '../server-health.js';
import { traced } from '../store-tracing.js';
import { RecordRefused, RecordTooLarge } from '../atomic-record.js';
import { askVersion, MemcachedError, type MemcachedCredentials } from './commands.js';
import { Connection, type Command, type ConnectionObserver } from './connection.js';
import { MalformedReplyError } from './reply-parser.js';
import type { ServerAddress } from './server-address.js';
import { ServerDialer } from './server-dialer.js';
import type { WeightedServer } from './server-ranking.js';

/** How servers are connected to. */
export interface NodeSettings {
  /** Milliseconds an operation may take. */
  readonly timeout: number;
  readonly connections: number;
  readonly tls?: ConnectionOptions | undefined;
  readonly auth?: MemcachedCredentials | undefined;
}

/** A command, or what makes one for a server. */
export type CommandFor<T> = Command<T> | ((node: MemcachedNode) => Command<T>);

/** What is known of a server before anything is sent to it. */
export interface NodeLocation extends WeightedServer {
  readonly address: ServerAddress;
}

/** One memcached server: its connections and its health. */
export class MemcachedNode implements WeightedServer {
  readonly server: string;
  readonly weight: number;
  readonly health: ServerHealth;
  /** Why sessions could be begun here, but never be read. Absent: they can. */
  unfit: string | undefined;
  /**
   * Whether sessions are read by the meta protocol, whose answers memcached sends together and not one by
   * one. Known once the server was looked at.
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
      this.health.tell((watcher) => watcher.noticed(`memcached ${server}: ${notice}`));
    const dialer = new ServerDialer(address, { ...settings, onNotice });
    const observer = this.observer();
    this.connections = Array.from(
      { length: settings.connections },
      () => new Connection(dialer, settings.timeout, observer),
    );
  }

  /** Sends a command, unless the server is down. `operation`: what it is for. */
  send<T>(command: CommandFor<T>, operation: string): Promise<T> {
    return traced(this.server, operation, () => {
      if (this.health.isDown) return Promise.reject(this.health.refusal());
      if (this.unfit && operation === 'create') {
        return Promise.reject(new MemcachedError(this.unfit));
      }
      return this.exchange(typeof command === 'function' ? command(this) : command);
    });
  }

  /** The same, whether it is down or not. */
  exchange<T>(command: Command<T>): Promise<T> {
    let [chosen] = this.connections;
    for (const connection of this.connections) {
      if (connection.size < chosen!.size) chosen = connection;
    }
    return chosen!.send(command);
  }

  /**
   * Closes each connection once nothing waits for it. Nest closes stores before its HTTP server: requests
   * in flight are still served, over connections that end with them.
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
        // Another server may have taken its place.
        if (error instanceof MalformedReplyError) this.speaksMeta = false;
        health.lost(error, failed);
      },
    };
  }
}
