import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** Listens to the sockets of an application. */
export interface SocketListener {
  /** Called with the adapter's arguments for a new client, before the gateways are. */
  onConnect(adapter: WebSocketAdapter, client: object, ...more: unknown[]): void;
  /** Calls the handler of a message of this event. `undefined`: no answer is sent. */
  onMessage(client: object, call: MessageCall, args: unknown[], event: string): Promise<unknown>;
}

/** Nest's function for a message: guards, pipes, interceptors, handler and filters. */
export type MessageCall = (...args: unknown[]) => Promise<unknown>;

/**
 * Listens to the adapter of an application's gateways. The adapter may be set later: by the application, or
 * by Nest when it binds the first gateway.
 */
export function listenToAdapter(config: ApplicationConfig, listener: SocketListener): void {
  const present = config.getIoAdapter() as WebSocketAdapter | undefined;
  if (present) listenTo(present, listener);
  const set = config.setIoAdapter.bind(config);
  config.setIoAdapter = (adapter) => {
    listenTo(adapter, listener);
    set(adapter);
  };
}

/** Wraps the two methods to which Nest passes all clients and handlers, in every adapter. */
function listenTo(adapter: WebSocketAdapter, listener: SocketListener): void {
  const bindClientConnect = adapter.bindClientConnect.bind(adapter);
  const bindMessageHandlers = adapter.bindMessageHandlers.bind(adapter);
  adapter.bindClientConnect = (server, connected: (...args: unknown[]) => unknown) =>
    bindClientConnect(server, (client: object, ...more: unknown[]): unknown => {
      listener.onConnect(adapter, client, ...more);
      return connected(client, ...more);
    }) as unknown;
  adapter.bindMessageHandlers = (client: object, handlers, transform) => {
    const wrapped = handlers.map((handler): WsMessageHandler => {
      const call = handler.callback as MessageCall;
      const event = String(handler.message);
      const callback = (...args: unknown[]) => listener.onMessage(client, call, args, event);
      return { ...handler, callback };
    });
    return bindMessageHandlers(client, wrapped, transform) as unknown;
  };
}
