import { expectTypeOf } from 'expect-type';
import type { ReadonlySession, Session } from 'nestjs-session-manager';

export function look(session: ReadonlySession, shop: ReadonlySession<{ tags: string[] }>): void {
  expectTypeOf(session.userId).toEqualTypeOf<string | undefined>();
  expectTypeOf(session.visits).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.get('theme')).toEqualTypeOf<'light' | 'dark' | undefined>();
  expectTypeOf(session.cart?.items[0]?.price).toEqualTypeOf<number | undefined>();
  expectTypeOf(shop.tags).toEqualTypeOf<readonly string[] | undefined>();
  for (const [key, value] of session) {
    if (key === 'visits') expectTypeOf(value).toEqualTypeOf<number>();
  }
}

export async function write(session: ReadonlySession, own: Session): Promise<void> {
  expectTypeOf(own).toExtend<ReadonlySession>();
  // @ts-expect-error -- read-only
  session.visits = 1;
  // @ts-expect-error -- read-only
  delete session.visits;
  // @ts-expect-error -- read-only
  session.set('visits', 1);
  // @ts-expect-error -- read-only
  session.increment('visits');
  // @ts-expect-error -- read-only
  session.clear();
  // @ts-expect-error -- read-only, as what is in it
  session.cart?.items.push({ name: 'pear', price: 1 });
  // @ts-expect-error -- read-only, as what is in it
  session.get('cart')!.items = [];
  // @ts-expect-error -- read-only
  await session.flash('notice');
  // @ts-expect-error -- read-only
  await session.save();
  // @ts-expect-error -- read-only
  await session.regenerate();
  // @ts-expect-error -- read-only
  await session.signIn('7');
  // @ts-expect-error -- read-only
  await session.signOut();
  // @ts-expect-error -- read-only
  await session.destroy();
  // @ts-expect-error -- no such entry
  session.get('vists');
}
