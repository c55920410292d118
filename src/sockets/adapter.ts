import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** Who wants to know of the sockets of an application. */
export interface SocketListener {
  /** With what the adapter tells of a new client, before the gateways hear of it. */
  onConnect(adapter: WebSocketAdapter, client: object, ...more: unknown[]): void;
  /** Calls a message's handler; `undefined` is no answer. */
  onMessage(client: object, call: MessageCall, args: unknown[]): Promise<unknown>;
}

/** Guards, pipes, interceptors, handler and filters, as Nest has put them together. */
export type MessageCall = (...args: unknown[]) => Promise<unknown>;

/**
 * Listens to the adapter of an application's gateways. It may not be there yet: the application gives
 * one, or Nest makes one when it binds the first gateway.
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

/** By the two methods that Nest hands everything to, whatever the adapter makes of it. */
function listenTo(adapter: WebSocketAdapter, listener: SocketListener): void {
  const bindClientConnect = adapter.bindClientConnect.bind(adapter);
  const bindMessageHandlers = adapter.bindMessageHandlers.bind(adapter);
  adapter.bindClientConnect = (server, connected: (...args: unknown[]) => unknown) =>
    bindClientConnect(server, (client: object, ...more: unknown[]): unknown => {
      listener.onConnect(adapter, client, ...more);
      return connected(client, ...more);
    }) as unknown;
  adapter.bindMessageHandlers = (client: object, handlers, transform) => {
    const told = handlers.map((handler): WsMessageHandler => {
      const call = handler.callback as MessageCall;
      const callback = (...args: unknown[]) => listener.onMessage(client, call, args);
      return { ...handler, callback };
    });
    return bindMessageHandlers(client, told, transform) as unknown;
  };
}
