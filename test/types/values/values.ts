import { Controller, Get } from '@nestjs/common';
import { expectTypeOf } from 'expect-type';
import {
  Session,
  sessionOf,
  type ReadonlySession,
  type RegenerateOptions,
  type SessionKey,
  type SessionMembers,
} from 'nestjs-session-manager';

/** Return types are inferred: the emitted declarations can name them. */
@Controller()
export class EveryReturnType {
  @Get('cart')
  cart(@Session({ readOnly: true }) session: ReadonlySession) {
    return session.cart;
  }

  @Get('tree')
  tree(@Session({ readOnly: true }) session: ReadonlySession) {
    return [session.tree, session.data];
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return [[...session.entries()], session.entries(), [...session.keys()], session.toJSON()];
  }

  @Get('all')
  all(@Session() session: Session) {
    return { ...session };
  }

  @Get('step')
  step(@Session() session: Session<{ step: number }>) {
    return session.toJSON();
  }

  @Get('session')
  async session(@Session() session: Session) {
    return [session, session.set('n', 1), await session.regenerate()];
  }

  @Get('who')
  who(@Session() session: Session) {
    return session.who;
  }
}

export function use(session: Session): unknown {
  session.increment('n');
  session.increment('loose');
  session.increment('open');
  session.loose = 1;
  session.maybe = null;
  session.set('maybe', null).set('maybe', undefined);
  session.n = (session.n ?? 0) + 1;
  session.n += 1;
  session.cart!.items.push('apple');
  session.data = { deep: [{ er: [null, 1] }] };
  Object.assign(session, { n: 1 });
  expectTypeOf(session.pair?.[1]).toEqualTypeOf<string | undefined>();
  const { who } = session;
  if (who?.kind === 'a') expectTypeOf(who.x).toEqualTypeOf<number>();
  return { ...session, has: 'n' in session };
}

export function look(session: ReadonlySession): void {
  expectTypeOf(session.n).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.open).toEqualTypeOf<unknown>();
  expectTypeOf(session.loose).toBeAny();
  expectTypeOf(session.pair).toEqualTypeOf<readonly [number, string] | undefined>();
  expectTypeOf(session.tree?.children[0]?.children[0]?.name).toEqualTypeOf<string | undefined>();
  // @ts-expect-error -- read-only
  session.tree?.children[0]?.children.pop();
}

export function pass(step: Session<{ step: number }>, own: Session): void {
  look(step);
  look(own);
  use(step);
}

export function iterate(session: Session): void {
  expectTypeOf(session.keys()).toExtend<IterableIterator<string>>();
  expectTypeOf(session).toExtend<Iterable<[string, unknown]>>();
  expectTypeOf(Object.fromEntries(session)).toBeObject();
  expectTypeOf(new Map(session.entries())).toExtend<Map<string, unknown>>();
  expectTypeOf(Array.from(session, ([key]) => key)).toEqualTypeOf<SessionKey[]>();
}

export function generic<T extends object>(session: Session<T>, key: SessionKey<T>): string {
  session.has(key);
  session.delete(key);
  session.get(key);
  return session.id;
}

export function byKey<K extends SessionKey>(session: Session, key: K) {
  return session.get(key);
}

export interface OwnMembers extends SessionMembers {
  readonly extra?: 1;
}

type SignedIn = Session & { readonly userId: string };

export function isSignedIn(session: Session): session is SignedIn {
  return session.userId !== undefined;
}

export async function destructure(request: object): Promise<number | undefined> {
  const { n, userId } = await sessionOf(request, { readOnly: true });
  return userId === undefined ? 0 : n;
}

export const keep: RegenerateOptions = { keep: ['n', 'cart'] };
