import { printable } from '../../session/printable.js';
import { SessionOptionsError } from '../../session/errors.js';

/** The store's own connection to Redis, or its connections to a Redis Cluster. */
export interface RedisLink {
  /** Connects. Rejects if that fails. */
  open(): Promise<unknown>;
  /** Sends a command. In a Cluster, `key` selects the server; if it is absent, any server is used. */
  send(key: string | undefined, command: readonly string[]): Promise<unknown>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<unknown>;
  /** Closes the link at once, even if commands are in flight. */
  destroy(): void;
}

/** Creates an unconnected link. Calls `onEnd` when that link is no longer usable. */
export type MakeLink = (onEnd: (error?: Error) => void) => RedisLink;

type Fn = (...args: never[]) => unknown;

/**
 * A client of the package `redis`, version 5 or later, made by `createClient()`, `createCluster()` or
 * `createSentinel()`.
 */
export interface NodeRedisClient {
  /** Identifies this kind of client. */
  readonly sendCommand: Fn;
  /** Identifies this kind of client, together with `sendCommand`. */
  readonly isOpen: boolean;
}

/** A client of `ioredis`, version 5 or later, or of `iovalkey`: `Redis`, also with Sentinel, or `Cluster`. */
export interface IoRedisClient {
  /** Identifies this kind of client. */
  readonly call: Fn;
  /** Identifies this kind of client, together with `call`. */
  readonly duplicate: Fn;
}

/** A client that `redisStore()` accepts. */
export type RedisClient = NodeRedisClient | IoRedisClient;

export interface LinkSettings {
  /** The connection timeout in milliseconds. */
  readonly timeout: number;
}

export function isRedisClient(value: unknown): value is RedisClient {
  return isIoRedis(value) || isNodeRedis(value);
}

/** Creates links with the options of this client. `undefined`: the client is not supported. */
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

/** Disables all retries of the client, because this package does the retrying. */
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
    const withReason = async <T>(promise: Promise<T>): Promise<T> => {
      try {
        return await promise;
      } catch (error) {
        // The client reports the reason only in its `error` event.
        throw (error as Error).message === 'Connection is closed.' ? (reason ?? error) : error;
      }
    };
    return {
      open: () => withReason(own.connect()),
      send: (_key, command) => withReason(own.call(...command)),
      subscribe(channel, onMessage) {
        (own as unknown as MessageEmitter).on('message', (_channel, message) => onMessage(message));
        return withReason(own.subscribe(channel));
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

/** Each command of this package has a deadline already. The client's own would cost a timer and a signal each. */
const COMMAND = { timeout: undefined };

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
        isCluster
          ? own.sendCommand(key, false, command, COMMAND)
          : own.sendCommand(command, COMMAND),
      subscribe: (channel, onMessage) => own.subscribe(channel, onMessage),
      destroy() {
        try {
          void own.destroy();
        } catch {
          // The client was already closed.
        }
      },
    };
  };
}

/** A Sentinel client cannot be duplicated, so this uses the application's client itself. */
function sentinelLinks(client: NodeRedisLike): MakeLink {
  client.on('error', () => undefined);
  return () => ({
    open: () => (client.isOpen ? Promise.resolve() : client.connect()),
    send: (_key, command) => client.sendCommand(false, command, COMMAND),
    subscribe: (channel, onMessage) => client.subscribe(channel, onMessage),
    destroy: () => undefined,
  });
}

/** The error for any other value, such as a client of an older release. */
export function noClient(given: unknown): SessionOptionsError {
  const kind = typeof given === 'object' && given ? given.constructor?.name : printable(given);
  return new SessionOptionsError(
    'client',
    `give a client of redis 5, ioredis 5 or iovalkey, of a later release of these, or a URL; this is ${kind}`,
  );
}
