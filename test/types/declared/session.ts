import { expectTypeOf } from 'expect-type';
import type { Session } from 'nestjs-session-manager';

import type { Cart } from './session-data.js';

type Keys = 'visits' | 'cart' | 'account' | 'theme' | 'score' | 'level';
type Account = { id: number; name: string };

export function use(session: Session): void {
  session.visits = (session.visits ?? 0) + 1;
  session.visits += 1;
  expectTypeOf(session.cart).toEqualTypeOf<Cart | undefined>();
  expectTypeOf(session.account?.name).toEqualTypeOf<string | undefined>();
  expectTypeOf(session.get('account')).toEqualTypeOf<Account | undefined>();
  expectTypeOf(session.pull('theme')).toEqualTypeOf<'light' | 'dark' | undefined>();
  session.set('theme', 'dark').set('account', undefined);
  session.update('cart', (cart) => ({ items: [...(cart?.items ?? [])] }));
  const { cart, ...rest } = session;
  expectTypeOf(cart).toEqualTypeOf<Cart | undefined>();
  expectTypeOf(rest.visits).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.toJSON().cart).toEqualTypeOf<Cart | undefined>();
  delete session.cart;
}

export function list(session: Session): void {
  expectTypeOf([...session.keys()]).toEqualTypeOf<Keys[]>();
  expectTypeOf(Array.from(session.keys())).toEqualTypeOf<Keys[]>();
  expectTypeOf(new Set(session.keys())).toEqualTypeOf<Set<Keys>>();
  expectTypeOf(session.keys().next().value).toEqualTypeOf<Keys | undefined>();
  for (const value of session.values()) {
    expectTypeOf(value).toEqualTypeOf<number | Cart | Account | string>();
  }
  for (const [key, value] of session) {
    expectTypeOf(key).toEqualTypeOf<Keys>();
    if (key === 'cart') expectTypeOf(value).toEqualTypeOf<Cart>();
    if (key === 'account') expectTypeOf(value).toEqualTypeOf<Account>();
  }
  for (const [key, value] of session.entries()) {
    if (key === 'visits') expectTypeOf(value).toEqualTypeOf<number>();
    // @ts-expect-error -- no such entry
    if (key === 'vists') expectTypeOf(value).toBeUnknown();
  }
}

export async function count(session: Session): Promise<void> {
  session.increment('visits');
  session.increment('level', 2);
  // @ts-expect-error -- not a number
  session.increment('cart');
  // @ts-expect-error -- not always a number
  session.increment('score');
  // @ts-expect-error -- no such method
  session.incremnt('visits');
  await session.regenerate({ keep: ['cart', 'visits'] });
  await session.regenerate({ keep: false });
  await session.signIn('7', { keep: ['cart'] });
  // @ts-expect-error -- no such entry
  await session.regenerate({ keep: ['crat'] });
  // @ts-expect-error -- no such entry
  await session.signIn('7', { keep: ['crat'] });
  // @ts-expect-error -- no such method
  await session.regenerat();
}

export function misuse(session: Session): void {
  // @ts-expect-error -- no such entry
  session.vists = 1;
  // @ts-expect-error -- no such entry
  session.get('vists');
  // @ts-expect-error -- no such entry
  session.set('vists', 1);
  // @ts-expect-error -- no such entry
  session.has('vists');
  // @ts-expect-error -- no such entry
  session.delete('vists');
  // @ts-expect-error -- no such entry
  session.pull('vists');
  // @ts-expect-error -- no such entry
  session.update('vists', (old) => old);
  // @ts-expect-error -- not a number
  session.update('visits', () => 'many');
  // @ts-expect-error -- not a number
  session.visits = 'many';
  // @ts-expect-error -- not one of those
  session.set('theme', 'blue');
}

export const keysOf = (session: Session) => session.keys();
export const entriesOf = (session: Session) => session.toJSON();
