import { describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../src/session/current-session.js';
import { SessionLimitError, type SessionError } from '../../src/session/errors.js';
import type { ForeignEntries, ForeignSession } from '../../src/session/foreign-session.js';
import type { IncomingSession } from '../../src/session/transport.js';
import { UserSessions } from '../../src/session/users/user-sessions.js';
import { Client, begin, useCurrentSession, world } from './current-session-world.js';

/** A session of another library that records the calls. */
class Foreign implements ForeignSession {
  readonly ticket = { id: 'f'.repeat(43), secret: 0 };
  stored: ForeignEntries | undefined = { entries: new Map([['name', '"Ada"']]) };
  readonly calls: string[] = [];

  read(): Promise<ForeignEntries | undefined> {
    this.calls.push('read');
    return Promise.resolve(this.stored);
  }

  destroy(): Promise<void> {
    this.calls.push('destroy');
    this.stored = undefined;
    return Promise.resolve();
  }
}

class ForeignClient extends Client {
  readonly refused: string[] = [];
  isOutside = false;

  constructor(
    readonly foreign: Foreign,
    id?: string,
  ) {
    super(id);
  }

  override receive(): IncomingSession {
    const { foreign, isOutside } = this;
    return { ...super.receive(), foreign: () => foreign, isOutside };
  }

  onNotAdopted({ code }: SessionError): void {
    this.refused.push(code);
  }
}

function comes(foreign: Foreign, id?: string) {
  const client = new ForeignClient(foreign, id);
  return { client, current: new CurrentSession(world.repository, client) };
}

const listed = () =>
  new UserSessions(world.repository.users, world.repository.generations).list('7');

describe('a session of another library', () => {
  useCurrentSession();

  it('is stored here before the other one is destroyed, and gets another id with the response', async () => {
    const foreign = new Foreign();
    const { current } = comes(foreign);
    const session = await current.load();
    expect(session.toJSON()).toEqual({ name: 'Ada' });
    expect(foreign.calls).toEqual(['read', 'destroy']);
    expect(session.id).toBe(foreign.ticket.id);
    await current.commit(true);
    expect(session.id).not.toBe(foreign.ticket.id);
    expect(current.idUpdate).toMatchObject({ id: session.id });
  });

  it('is one session for requests that have read it at once', async () => {
    const foreign = new Foreign();
    const [one, other] = [comes(foreign).current, comes(foreign).current];
    const sessions = await Promise.all([one.load(), other.load()]);
    sessions[0].set('a', 1);
    sessions[1].set('b', 2);
    await Promise.all([one.commit(true), other.commit(true)]);
    expect(world.entriesOf(foreign.ticket.id)).toEqual({ name: 'Ada', a: 1, b: 2 });
  });

  it('is looked for if the id that was sent is unknown, and never if it is known', async () => {
    const unknown = new Foreign();
    expect((await comes(unknown, 'u'.repeat(43)).current.load()).toJSON()).toEqual({ name: 'Ada' });
    const foreign = new Foreign();
    const id = await world.stored({ visits: 1 });
    expect((await comes(foreign, id).current.load()).toJSON()).toEqual({ visits: 1 });
    expect(foreign.calls).toEqual([]);
  });

  it('is left alone where no session can begin', async () => {
    const foreign = new Foreign();
    const { current, client } = comes(foreign);
    client.isOutside = true;
    expect((await current.load()).isNew).toBe(true);
    expect(foreign.calls).toEqual([]);
  });

  it.each<[string, (current: CurrentSession) => Promise<unknown>]>([
    ['destroy()', (current) => current.destroy()],
    ['signOut({ keep })', (current) => current.signOut({ keep: true })],
    ['create()', (current) => current.create()],
    ['signIn()', (current) => current.signIn('7')],
    ['regenerate()', (current) => current.regenerate()],
  ])('is not restored after %s by a request that had read it before', async (_what, end) => {
    const foreign = new Foreign();
    const before = { ...foreign.stored! };
    const { current } = comes(foreign);
    await current.load();
    await end(current);
    await current.commit(true);
    foreign.stored = before;
    expect((await comes(foreign).current.load()).toJSON()).toEqual({});
  });

  it('of a user signs that user in, once, at a time that is not known', async () => {
    const foreign = new Foreign();
    foreign.stored = { ...foreign.stored!, userId: '7' };
    const session = await comes(foreign).current.load();
    expect([session.userId, session.signedInAt]).toEqual(['7', new Date(0)]);
    expect(await listed()).toHaveLength(1);
  });

  it('stays signed in if another user is refused', async () => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    await new CurrentSession(world.repository, new Client()).signIn('8');
    const foreign = new Foreign();
    foreign.stored = { ...foreign.stored!, userId: '7' };
    const { current } = comes(foreign);
    await current.load();
    await expect(current.signIn('8')).rejects.toThrow(SessionLimitError);
    await current.commit(true);
    const session = await current.load();
    expect(current.idUpdate).toMatchObject({ id: session.id });
    current.idSent();
    await world.repository.deliveries.settle();
    world.clock.pass(10);
    expect(await listed()).toHaveLength(1);
    expect((await world.find(session.id))?.user?.id).toBe('7');
  });

  it.each<[string, (current: CurrentSession) => Promise<unknown>]>([
    ['a rotation', () => Promise.resolve()],
    ['regenerate()', (current) => current.regenerate()],
    ['a sign-in again', (current) => current.signIn('7')],
  ])('of a user stays listed after %s', async (_what, act) => {
    const foreign = new Foreign();
    foreign.stored = { ...foreign.stored!, userId: '7' };
    const { current } = comes(foreign);
    await current.load();
    await act(current);
    await current.commit(true);
    current.idSent();
    await world.repository.deliveries.settle();
    world.clock.pass(10);
    expect(await listed()).toHaveLength(1);
  });

  it('can have a longer life, which counts from now', async () => {
    begin({ remember: { timeout: 7_000_000, absoluteTimeout: 8_000_000 } });
    const foreign = new Foreign();
    foreign.stored = { ...foreign.stored!, userId: '7' };
    const { current } = comes(foreign);
    const session = await current.load();
    session.lifetime = 6_000_000;
    await current.commit(true);
    world.clock.pass(5_000_000);
    expect(await world.find(session.id)).toBeDefined();
  });

  it.each([
    ['SESSION_TOO_LARGE', { maxBytes: 200 }, new Map([['big', `"${'x'.repeat(300)}"`]])],
    [
      'SESSION_LIMIT',
      { maxSessionsPerUser: 1, whenTooMany: 'refuse' as const },
      new Map([['name', '"Ada"']]),
    ],
  ])('stays where it is if it cannot be stored here: %s', async (code, policy, entries) => {
    begin(policy);
    const first = new Foreign();
    first.stored = { entries: new Map(), userId: '7' };
    await comes(first).current.load();
    const foreign = new (class extends Foreign {
      override readonly ticket = { id: 'g'.repeat(43), secret: 0 };
    })();
    foreign.stored = { entries, userId: '7' };
    const { current, client } = comes(foreign);
    expect((await current.load()).isNew).toBe(true);
    expect([client.refused, foreign.calls]).toEqual([[code], ['read']]);
    expect(await listed()).toHaveLength(1);
  });
});
