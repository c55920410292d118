import { expectTypeOf } from 'expect-type';
import type { Session } from 'nestjs-session-manager';

/** What works before anything is declared. */
export function use(session: Session): void {
  expectTypeOf(session.id).toEqualTypeOf<string>();
  expectTypeOf(session.visits).toEqualTypeOf<unknown>();
  expectTypeOf(session.get('visits')).toEqualTypeOf<unknown>();
  expectTypeOf(session.get<number>('visits')).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.pull<string[]>('cart')).toEqualTypeOf<string[] | undefined>();
  expectTypeOf(session.increment('visits', 2)).toEqualTypeOf<number>();
  expectTypeOf(session.set('visits', 1).set('name', 'Ada')).toEqualTypeOf<Session>();
  expectTypeOf(session.update<number>('visits', (old = 0) => old + 1)).toEqualTypeOf<Session>();
  session.update('cart', (old: string[] | undefined) => [...(old ?? []), 'apple']);
  expectTypeOf(session.has('visits')).toEqualTypeOf<boolean>();
  expectTypeOf(session.delete('visits')).toEqualTypeOf<boolean>();
  for (const [key, value] of session) {
    expectTypeOf(key).toEqualTypeOf<string>();
    expectTypeOf(value).toEqualTypeOf<unknown>();
  }
  expectTypeOf([...session.keys()]).toEqualTypeOf<string[]>();
  expectTypeOf([...session.values()]).toEqualTypeOf<unknown[]>();
  const { userId, theme } = session;
  expectTypeOf(userId).toEqualTypeOf<string | undefined>();
  expectTypeOf(theme).toEqualTypeOf<unknown>();
  expectTypeOf(session.toJSON()).toExtend<Record<string, unknown>>();
}

export function misuse(session: Session): void {
  // @ts-expect-error -- no such method
  session.incremnt('x');
  // @ts-expect-error -- no such method
  void session.regenerat();
  // @ts-expect-error -- an entry is unknown
  session.anything.foo.bar();
  // @ts-expect-error -- an entry is unknown
  session.visits.toFixed();
  // @ts-expect-error -- an entry is unknown
  expectTypeOf<number>(session.get('visits'));
  // @ts-expect-error -- written by set()
  session.vists = 1;
  // @ts-expect-error -- removed by delete()
  delete session.vists;
  // @ts-expect-error -- cannot be chosen
  session.id = 'mine';
}

/** The type of its return value is one that an application's declarations can name. */
export const keysOf = (session: Session) => session.keys();
export const entriesOf = (session: Session) => session.toJSON();
