import { printable } from '../../session/printable.js';
import { SessionOptionsError } from '../../session/errors.js';

/** A connection to Redis, or the connections to a Cluster, of this store's own. */
export interface RedisLink {
  /** Rejects if there is no connection to be had. */
  open(): Promise<unknown>;
  /** `key`: decides which server of a Cluster is asked; without, any. */
  send(key: string | undefined, command: readonly string[]): Promise<unknown>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<unknown>;
  /** At once, whatever waits for it. */
  destroy(): void;
}

/** Makes a new, unconnected link, as often as one was lost. `onEnd`: it cannot be used any more. */
export type MakeLink = (onEnd: (error?: Error) => void) => RedisLink;

type Fn = (...args: never[]) => unknown;

/** A client of the package `redis`, of version 5 or later: `createClient()`, `createCluster()`, `createSentinel()`. */
export interface NodeRedisClient {
  /** By this it is told. */
  readonly sendCommand: Fn;
  /** By this, too. */
  readonly isOpen: boolean;
}

/** A client of `ioredis`, of version 5 or later, or of `iovalkey`: `Redis` or `Cluster`, with Sentinel too. */
export interface IoRedisClient {
  /** By this it is told. */
  readonly call: Fn;
  /** By this, too. */
  readonly duplicate: Fn;
}

/** What `redisStore()` needs of the application's client, whichever it is. */
export type RedisClient = NodeRedisClient | IoRedisClient;

/** How long connecting may take, in milliseconds, to what was tried first. Operations are shorter. */
export interface LinkSettings {
  readonly timeout: number;
}

/** `undefined`: it is no client of a known kind. */
export function linksLike(client: unknown, settings: LinkSettings): MakeLink | undefined {
  if (isIoRedis(client)) return ioRedisLinks(client, settings);
  if (isNodeRedis(client)) return nodeRedisLinks(client, settings);
  return undefined;
}

function isIoRedis(client: unknown): client is IoRedisLike {
  return hasFunctions(client, 'call', 'duplicate', 'disconnect');
}

function isNodeRedis(client: unknown): client is NodeRedisLike {
  return hasFunctions(client, 'sendCommand', 'connect') && 'isOpen' in client;
}

function hasFunctions(client: unknown, ...names: string[]): client is Record<string, Fn> {
  if ((typeof client !== 'object' && typeof client !== 'function') || client === null) return false;
  return names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function');
}

interface Emitter {
  on(event: string, listener: (error?: Error) => void): unknown;
}

interface IoRedisLike extends Emitter {
  readonly isCluster?: boolean;
  readonly options: { readonly redisOptions?: object };
  connect(): Promise<unknown>;
  call(...command: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  duplicate(...overrides: unknown[]): IoRedisLike;
  disconnect(): void;
}

/** The client itself tries nothing twice: how often, and when, is for this package to say. */
function ioRedisLinks(client: IoRedisLike, { timeout }: LinkSettings): MakeLink {
  const once = {
    ...{ lazyConnect: true, connectTimeout: timeout, commandTimeout: undefined },
    ...{ enableOfflineQueue: true, enableAutoPipelining: false, maxRetriesPerRequest: null },
    ...{ autoResendUnfulfilledCommands: false, autoResubscribe: false, stringNumbers: false },
    ...{ retryStrategy: () => null, sentinelRetryStrategy: () => null, reconnectOnError: null },
  };
  const duplicate = (): IoRedisLike => {
    if (!client.isCluster) return client.duplicate(once);
    const { redisOptions } = client.options;
    return client.duplicate([], {
      ...{ lazyConnect: true, clusterRetryStrategy: () => null, scaleReads: 'master' },
      ...{ enableOfflineQueue: true, enableAutoPipelining: false, slotsRefreshTimeout: timeout },
      redisOptions: {
        ...redisOptions,
        ...{ connectTimeout: timeout, commandTimeout: undefined, stringNumbers: false },
        autoResendUnfulfilledCommands: false,
      },
    });
  };
  return (onEnd) => {
    const own = duplicate();
    let reason: Error | undefined;
    own.on('error', (error) => (reason = error));
    own.on('end', () => onEnd(reason));
    const told = async <T>(promise: Promise<T>): Promise<T> => {
      try {
        return await promise;
      } catch (error) {
        // It says why only by an event.
        throw (error as Error).message === 'Connection is closed.' ? (reason ?? error) : error;
      }
    };
    return {
      open: () => told(own.connect()),
      send: (_key, command) => told(own.call(...command)),
      subscribe(channel, onMessage) {
        (own as unknown as MessageEmitter).on('message', (_channel, message) => onMessage(message));
        return told(own.subscribe(channel));
      },
      destroy: () => own.disconnect(),
    };
  };
}

interface MessageEmitter {
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
}

interface NodeRedisLike extends Emitter {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  readonly options?: { readonly socket?: object };
  readonly _options?: { readonly defaults?: { readonly socket?: object } };
  connect(): Promise<unknown>;
  destroy(): unknown;
  duplicate?(overrides: object): NodeRedisLike;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  sendCommand(...args: unknown[]): Promise<unknown>;
}

function nodeRedisLinks(client: NodeRedisLike, { timeout }: LinkSettings): MakeLink {
  const isCluster = 'slots' in client && 'masters' in client;
  const isSentinel = !isCluster && hasFunctions(client, 'acquire', 'use');
  if (isSentinel) return sentinelLinks(client);
  const plain = { commandOptions: undefined, clientSideCache: undefined };
  const duplicate = (): NodeRedisLike => {
    if (isCluster) {
      const { defaults } = client._options ?? {};
      const socket = { ...defaults?.socket, connectTimeout: timeout };
      return client.duplicate!({ ...plain, defaults: { ...defaults, socket }, useReplicas: false });
    }
    const socket = { ...client.options?.socket, connectTimeout: timeout };
    return client.duplicate!({
      ...plain,
      ...{ disableOfflineQueue: false, pingInterval: undefined },
      socket: { ...socket, reconnectStrategy: false },
    });
  };
  return (onEnd) => {
    const own = duplicate();
    let reason: Error | undefined;
    own.on('error', (error) => {
      reason = error;
      if (!isCluster && !own.isOpen) onEnd(error);
    });
    own.on('end', () => onEnd(reason));
    return {
      open: () => own.connect(),
      send: (key, command) =>
        isCluster ? own.sendCommand(key, false, command) : own.sendCommand(command),
      subscribe: (channel, onMessage) => own.subscribe(channel, onMessage),
      destroy() {
        try {
          void own.destroy();
        } catch {
          // It was closed already.
        }
      },
    };
  };
}

/** It cannot be duplicated, so that the application's own is used as it is. */
function sentinelLinks(client: NodeRedisLike): MakeLink {
  client.on('error', () => undefined);
  return () => ({
    open: () => (client.isOpen ? Promise.resolve() : client.connect()),
    send: (_key, command) => client.sendCommand(false, command),
    subscribe: (channel, onMessage) => client.subscribe(channel, onMessage),
    destroy: () => undefined,
  });
}

/** To who gives something else, such as a client of an older release. */
export function noClient(given: unknown): SessionOptionsError {
  const kind = typeof given === 'object' && given ? given.constructor?.name : printable(given);
  return new SessionOptionsError(
    'client',
    `give a client of redis 5, ioredis 5 or iovalkey, of a later release of these, or a URL; this is ${kind}`,
  );
}
