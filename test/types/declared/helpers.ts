import type { ArgumentsHost } from '@nestjs/common';
import { expectTypeOf } from 'expect-type';
import {
  sessionOf,
  type ReadonlySession,
  type Session,
  type SessionManager,
  type UserSessions,
} from 'nestjs-session-manager';

interface Shop {
  step: number;
  coupon?: string;
}

const visit = (session: Session): number => session.increment('visits');
const look = (session: ReadonlySession): number => session.visits ?? 0;

/** The entries of a type argument come besides the declared ones. */
export function useShop(shop: Session<Shop>): void {
  expectTypeOf(shop.step).toEqualTypeOf<number | undefined>();
  expectTypeOf(shop.visits).toEqualTypeOf<number | undefined>();
  expectTypeOf(shop.get('coupon')).toEqualTypeOf<string | undefined>();
  shop.increment('step');
  // @ts-expect-error -- no such entry
  shop.stepp = 1;
  visit(shop);
  look(shop);
}

export function conflict(odd: Session<{ visits: string }>): void {
  expectTypeOf(odd.visits).toEqualTypeOf<string | undefined>();
  // @ts-expect-error -- its visits are a text
  visit(odd);
}

export async function ask(host: ArgumentsHost, manager: SessionManager): Promise<void> {
  expectTypeOf(await sessionOf(host)).toEqualTypeOf<Session>();
  expectTypeOf(await sessionOf<Shop>(host)).toEqualTypeOf<Session<Shop>>();
  const current = await sessionOf(host);
  expectTypeOf(current as Session<Shop>).toEqualTypeOf<Session<Shop>>();
  visit(await manager.current<Shop>());
  visit(await sessionOf<Shop>(host, { onOutage: 'anonymous' }));
  visit(await sessionOf(host, { readOnly: false }));
  look((await manager.peek<Shop>()) ?? (await manager.create<Shop>()));
  await manager.regenerate({ keep: ['cart'] });
  await manager.signIn<Shop>('7', { keep: ['step', 'cart'] });
  // @ts-expect-error -- no such entry
  await manager.regenerate({ keep: ['crat'] });
  // @ts-expect-error -- no such entry
  await manager.signIn('7', { keep: ['crat'] });
  // @ts-expect-error -- no such method
  await manager.regenerat();
}

export async function askReadOnly(host: ArgumentsHost, isRead: boolean): Promise<void> {
  expectTypeOf(await sessionOf(host, { readOnly: true })).toEqualTypeOf<ReadonlySession>();
  expectTypeOf(await sessionOf<Shop>(host, { readOnly: true })).toEqualTypeOf<
    ReadonlySession<Shop>
  >();
  expectTypeOf(await sessionOf(host, { readOnly: isRead })).toEqualTypeOf<ReadonlySession>();
}

export async function devices(users: UserSessions, session: ReadonlySession): Promise<void> {
  await users.list('7', { current: session });
  await users.revokeAll('7', { except: undefined });
  // @ts-expect-error -- not a session
  await users.list('7', { current: { id: 'x' } });
}

export async function signOuts(session: Session, sessions: SessionManager): Promise<void> {
  expectTypeOf(await session.signOut()).toEqualTypeOf<void>();
  expectTypeOf(await session.signOut({ keep: ['visits'] })).toEqualTypeOf<Session>();
  expectTypeOf(await sessions.signOut({ keep: true })).toEqualTypeOf<Session>();
  expectTypeOf(await sessions.signOut<Shop>({ keep: ['step'] })).toEqualTypeOf<Session<Shop>>();
  // @ts-expect-error -- no such entry
  await session.signOut({ keep: ['vists'] });
}

export async function withoutRenewing(host: ArgumentsHost, sessions: SessionManager) {
  expectTypeOf(await sessionOf(host, { touch: false })).toEqualTypeOf<Session>();
  const looked = await sessionOf(host, { touch: false, readOnly: true });
  expectTypeOf(looked).toEqualTypeOf<ReadonlySession>();
  expectTypeOf(await looked.reload()).toEqualTypeOf<void>();
  expectTypeOf(await sessions.peek({ touch: false })).toEqualTypeOf<Session | undefined>();
}
