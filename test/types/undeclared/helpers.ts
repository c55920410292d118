import type { ExecutionContext } from '@nestjs/common';
import { expectTypeOf } from 'expect-type';
import {
  sessionOf,
  type ReadonlySession,
  type Session,
  type SessionManager,
} from 'nestjs-session-manager';

interface Shop {
  cart: string[];
  step?: number;
}

const greet = (session: Session): string => session.get<string>('name') ?? 'you';
const look = (session: ReadonlySession): boolean => session.has('name');

export async function pass(shop: Session<Shop>, context: ExecutionContext): Promise<void> {
  greet(shop);
  look(shop);
  look(await sessionOf(context));
  expectTypeOf(await sessionOf<Shop>(context)).toEqualTypeOf<Session<Shop>>();
  greet(await sessionOf<Shop>(context));
  const current = await sessionOf(context);
  const cast = current as Session<Shop>;
  expectTypeOf(cast.cart).toEqualTypeOf<string[] | undefined>();
  const readOnly = await sessionOf(context, { readOnly: true });
  // @ts-expect-error -- the helper may write
  greet(readOnly);
}

export async function manage(manager: SessionManager): Promise<void> {
  expectTypeOf(await manager.current<Shop>()).toEqualTypeOf<Session<Shop>>();
  expectTypeOf(await manager.peek<Shop>()).toEqualTypeOf<Session<Shop> | undefined>();
  expectTypeOf(await manager.create<Shop>()).toEqualTypeOf<Session<Shop>>();
  expectTypeOf(await manager.regenerate({ keep: ['anything'] })).toEqualTypeOf<Session>();
  expectTypeOf(await manager.signIn<Shop>('7', { keep: ['cart'] })).toEqualTypeOf<Session<Shop>>();
  // @ts-expect-error -- no such entry
  await manager.regenerate<Shop>({ keep: ['crat'] });
}

export function useShop(shop: Session<Shop>): void {
  shop.cart = ['apple'];
  expectTypeOf(shop.get('cart')).toEqualTypeOf<string[] | undefined>();
  expectTypeOf([...shop.keys()]).toEqualTypeOf<('cart' | 'step')[]>();
  shop.increment('step');
  // @ts-expect-error -- not a number
  shop.increment('cart');
  // @ts-expect-error -- no such entry
  shop.set('crat', []);
  // @ts-expect-error -- no such entry
  shop.crat = [];
}

/** A dictionary of anything. */
export function loose(session: Session<Record<string, unknown>>): void {
  session.anything = 1;
  expectTypeOf(session.get<number>('anything')).toEqualTypeOf<number | undefined>();
}
