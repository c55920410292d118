import { describe, expect, it } from '@jest/globals';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';

import { Session } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { GRAPHQL_STACKS, operate } from '../support/graphql-apps.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';

/** Where an operation waits that has read its session. */
let gate: Gate;

const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error);

@Resolver()
class BorderResolver {
  @Query(() => String)
  read(@Session() session: Session) {
    return JSON.stringify({ user: session.userId, ...session.toJSON() });
  }

  @Mutation(() => Boolean)
  put(@Session() session: Session, @Args('value') value: string) {
    session.set('notes', value);
    return true;
  }

  @Mutation(() => Boolean)
  async signIn(@Session() session: Session, @Args('user') user: string) {
    const own = await session.signIn(user);
    own.set('notes', `${user}'s`);
    return true;
  }

  @Mutation(() => String)
  async saveLate(@Session() session: Session) {
    await gate.pass();
    session.set('shipTo', 'elsewhere');
    return session.save().then(() => 'saved', codeOf);
  }

  @Mutation(() => String)
  async updateLate(@Session() session: Session) {
    const seen: unknown[] = [];
    await gate.pass();
    session.update('notes', (notes) => {
      seen.push(notes);
      return 'overwritten';
    });
    await session.save().catch(() => undefined);
    return JSON.stringify(seen);
  }

  @Mutation(() => Boolean)
  async destroyLate(@Session() session: Session) {
    await gate.pass();
    await session.destroy();
    return true;
  }

  @Query(() => String)
  async readLate(@Session() session: Session) {
    await gate.pass();
    return String(session.get('notes'));
  }
}

describe.each(GRAPHQL_STACKS)('a sign-in beside operations, by $name', ({ platform, graphql }) => {
  const memcached = useMemcached();
  const settings = () => ({
    platform,
    imports: [graphql()],
    controllers: [],
    providers: [BorderResolver],
    options: { memcached: memcached.server, cookie: { secure: false } },
  });
  const here = useSessionApp(settings);
  const elsewhere = useSessionApp(settings);

  const ways: [what: string, query: string, data: object][] = [
    ['save', 'mutation { saveLate }', { saveLate: 'SESSION_DESTROYED' }],
    ['call their updaters with', 'mutation { updateLate }', { updateLate: '["before"]' }],
    ['end', 'mutation { destroyLate }', { destroyLate: true }],
    ['read', '{ readLate }', { readLate: 'before' }],
  ];
  const cases = ['this', 'another'].flatMap((which) =>
    ways.map(([what, query, data]) => ({ what, which, query, data })),
  );

  it.each(cases)('sent to $which application do not $what the new session', async (one) => {
    const { which, query, data } = one;
    const victim = here.visitor();
    await operate(victim, 'mutation { put(value: "before") }');
    const sender = (which === 'this' ? here : elsewhere).visitor();
    sender.cookie = victim.cookie;
    gate = new Gate();
    const late = operate(sender, query);
    await gate.reached;
    expect((await operate(victim, 'mutation { signIn(user: "ada") }')).data).toEqual({
      signIn: true,
    });
    gate.release();
    const answer = await late;
    expect(answer.data).toEqual(data);
    expect(answer.setCookies.join()).not.toContain(victim.cookie);
    const { read } = (await operate(victim, '{ read }')).data;
    expect(JSON.parse(read)).toEqual({ user: 'ada', notes: "ada's" });
  });
});
