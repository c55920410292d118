import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import { SetMetadata, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { SubscribeMessage } from '@nestjs/websockets';

import { within } from '../../src/sockets/current-message.js';
import { listenToHandlers } from '../../src/sockets/message-handlers.js';
import { SocketMessage, type MessageSocket } from '../../src/sockets/message.js';

const newMessage = () => new SocketMessage({ edge: {} } as MessageSocket);

/** Whether the promise is settled by now. */
const isSettled = (promise: Promise<unknown> | undefined) =>
  Promise.race([promise?.then(() => true), Promise.resolve().then(() => false)]);

function gateway() {
  class BaseGateway {
    constructor(readonly name: string) {}

    @SubscribeMessage('greet')
    @SetMetadata('role', 'guest')
    greet(...others: string[]): unknown {
      return `${this.name} greets ${others.join(' and ')}`;
    }

    helper() {
      return 'no handler';
    }
  }
  class Gateway extends BaseGateway {
    @SubscribeMessage('wait')
    wait(work: Promise<unknown>) {
      return work;
    }

    @SubscribeMessage('throw')
    throw(): never {
      throw new Error('no');
    }
  }
  return { BaseGateway, Gateway };
}

const method = (of: Type, name: string) => (of.prototype as Record<string, () => unknown>)[name]!;

describe('the handlers of a gateway', () => {
  it('keep this, arguments, result, name and metadata', () => {
    const { Gateway } = gateway();
    listenToHandlers(Gateway as Type);
    const ada = new Gateway('Ada');
    expect(ada.greet('Bob', 'Eve')).toBe('Ada greets Bob and Eve');
    expect(within(newMessage(), () => ada.greet('Bob'))).toBe('Ada greets Bob');
    expect(() => within(newMessage(), () => ada.throw())).toThrow('no');
    const greet = method(Gateway as Type, 'greet');
    expect(greet.name).toBe('greet');
    expect(new Reflector().get('role', greet)).toBe('guest');
    expect(Object.keys(Gateway.prototype)).toEqual([]);
  });

  it('are wrapped only in the gateway, not in its base class', () => {
    const { BaseGateway, Gateway } = gateway();
    const [base, derived] = [BaseGateway as Type, Gateway as Type];
    const [greet, helper] = [method(base, 'greet'), method(base, 'helper')];
    listenToHandlers(Gateway as Type);
    expect(method(base, 'greet')).toBe(greet);
    expect(method(derived, 'greet')).not.toBe(greet);
    expect(method(derived, 'helper')).toBe(helper);
  });

  it('are wrapped once for all applications with the gateway', () => {
    const { Gateway } = gateway();
    listenToHandlers(Gateway as Type);
    const greet = method(Gateway as Type, 'greet');
    listenToHandlers(Gateway as Type);
    expect(method(Gateway as Type, 'greet')).toBe(greet);
  });

  it.each(['resolves', 'rejects'])('have ended when their promise %s', async (how) => {
    const { Gateway } = gateway();
    listenToHandlers(Gateway as Type);
    let settle: () => void = () => undefined;
    const work = new Promise<void>((resolve, reject) => {
      settle = how === 'resolves' ? resolve : () => reject(new Error('no'));
    });
    const message = newMessage();
    expect(message.handled).toBeUndefined();
    const result = within(message, () => new Gateway('Ada').wait(work));
    expect(result).toBe(work);
    expect(await isSettled(message.handled)).toBe(false);
    settle();
    await work.catch(() => undefined);
    await message.handled;
  });

  it('have not ended when handlers that they call have', async () => {
    const { Gateway } = gateway();
    class Caller extends Gateway {
      @SubscribeMessage('call')
      call(): Promise<unknown> {
        const waiting = this.wait(new Promise(() => undefined));
        this.greet();
        return waiting;
      }
    }
    listenToHandlers(Caller as Type);
    const message = newMessage();
    void within(message, () => new Caller('Ada').call());
    expect(await isSettled(message.handled)).toBe(false);
  });

  it('have ended when they return or throw', async () => {
    const { Gateway } = gateway();
    listenToHandlers(Gateway as Type);
    const [one, other] = [newMessage(), newMessage()];
    within(one, () => new Gateway('Ada').greet());
    expect(() => within(other, () => new Gateway('Ada').throw())).toThrow('no');
    await Promise.all([one.handled, other.handled]);
    expect(one.handled).toBeDefined();
    expect(other.handled).toBeDefined();
  });
});
