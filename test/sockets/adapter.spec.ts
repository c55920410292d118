import { describe, expect, it } from '@jest/globals';
import { ApplicationConfig } from '@nestjs/core';
import { AbstractWsAdapter } from '@nestjs/websockets';

import { listenToAdapter } from '../../src/sockets/adapter.js';

/** Reports a client at once, and a message of that client. */
class Adapter extends AbstractWsAdapter {
  answered: unknown;

  create(): void {
    // There is no server.
  }

  override bindClientConnect(_server: object, connected: (...args: unknown[]) => void): void {
    connected('client', 'handshake');
  }

  override bindMessageHandlers(
    _client: unknown,
    [handler]: { callback: (...args: unknown[]) => unknown }[],
  ): void {
    this.answered = handler!.callback('data');
  }
}

describe('listening to the adapter of gateways', () => {
  it.each(['before', 'after'])('that is set %s', async (when) => {
    const config = new ApplicationConfig();
    const adapter = new Adapter();
    const told: unknown[][] = [];
    if (when === 'before') config.setIoAdapter(adapter);
    listenToAdapter(config, {
      onConnect: (...args) => told.push(args),
      onMessage: async (client, call, args) => [client, await call(...args)],
    });
    if (when === 'after') config.setIoAdapter(adapter);
    expect(config.getIoAdapter()).toBe(adapter);
    adapter.bindClientConnect({}, (...args) => told.push(args));
    expect(told).toEqual([
      [adapter, 'client', 'handshake'],
      ['client', 'handshake'],
    ]);
    const callback = (data: unknown) => Promise.resolve(`${String(data)} handled`);
    adapter.bindMessageHandlers('client', [{ callback }]);
    expect(await adapter.answered).toEqual(['client', 'data handled']);
  });
});
