import { UseGuards, type CanActivate } from '@nestjs/common';
import { expectTypeOf } from 'expect-type';
import {
  AllowCrossSite,
  CrossSiteGuard,
  FreshSession,
  Session,
  type ReadonlySession,
  type SessionInfo,
} from 'nestjs-session-manager';

export async function remember(session: Session): Promise<void> {
  await session.signIn('7', { remember: true });
  await session.signIn('7', { remember: 86_400, keep: false });
  await session.signIn('7', { remember: undefined });
  // @ts-expect-error -- no number of seconds
  await session.signIn('7', { remember: '30d' });
  session.lifetime = 60;
  session.persist = true;
  expectTypeOf(session.lifetime).toEqualTypeOf<number>();
  expectTypeOf(session.persist).toEqualTypeOf<boolean>();
  // @ts-expect-error -- no number
  session.lifetime = '60';
  // @ts-expect-error -- neither true nor false
  session.persist = 60;
}

export async function confirm(session: Session): Promise<void> {
  expectTypeOf(session.signedInAt).toEqualTypeOf<Date | undefined>();
  expectTypeOf(await session.confirmSignIn()).toEqualTypeOf<Session>();
  expectTypeOf(await session.signOut()).toEqualTypeOf<void>();
  expectTypeOf(await session.signOut({ keep: ['theme'] })).toEqualTypeOf<Session>();
  // @ts-expect-error -- read-only
  session.signedInAt = new Date();
  // @ts-expect-error -- takes nothing
  await session.confirmSignIn('7');
  // @ts-expect-error -- no such entry
  await session.signOut({ keep: ['them'] });
}

export function look(session: ReadonlySession, info: SessionInfo): void {
  expectTypeOf(session.signedInAt).toEqualTypeOf<Date | undefined>();
  expectTypeOf(info.signedInAt).toEqualTypeOf<Date>();
  expectTypeOf(info.lifetime).toEqualTypeOf<number>();
  expectTypeOf(info.persist).toEqualTypeOf<boolean>();
  // @ts-expect-error -- read-only
  session.lifetime = 60;
  // @ts-expect-error -- read-only
  session.persist = true;
  // @ts-expect-error -- read-only
  void session.confirmSignIn;
}

@FreshSession(300)
@UseGuards(CrossSiteGuard)
export class Controller {
  @FreshSession(60)
  @AllowCrossSite('https://pay.example')
  pay(@Session({ touch: false }) session: Session): Session {
    return session;
  }

  @AllowCrossSite()
  paid(@Session({ touch: false, readOnly: true }) session: ReadonlySession): void {
    expectTypeOf(session.expiresAt).toEqualTypeOf<Date>();
  }
}

export const guard: CanActivate = new CrossSiteGuard({ allowedOrigins: ['https://a.example'] });

export const misuse = [
  // @ts-expect-error -- no number of seconds
  FreshSession('300'),
  // @ts-expect-error -- a list
  new CrossSiteGuard({ allowedOrigins: 'https://a.example' }),
  // @ts-expect-error -- no such option
  new CrossSiteGuard({ origins: [] }),
  // @ts-expect-error -- a text
  AllowCrossSite(/pay/),
  // @ts-expect-error -- neither true nor false
  Session({ touch: 0 }),
];
