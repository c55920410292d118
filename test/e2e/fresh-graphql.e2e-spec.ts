import { describe, expect, it } from '@jest/globals';
import { Mutation, Query, Resolver } from '@nestjs/graphql';

import { FreshSession, Session } from '../../src/index.js';
import { TestClock } from '../../src/testing.js';
import { GRAPHQL_STACKS, operate } from '../support/graphql-apps.js';
import { useSessionApp } from '../support/hooks.js';

@Resolver()
class AccountResolver {
  @Mutation(() => Boolean)
  async signIn(@Session() session: Session) {
    return Boolean(await session.signIn('7'));
  }

  @Mutation(() => Boolean)
  async confirm(@Session() session: Session) {
    return Boolean(await session.confirmSignIn());
  }

  @FreshSession(300)
  @Mutation(() => Boolean)
  changeEmail() {
    return true;
  }

  @Query(() => Boolean)
  works() {
    return true;
  }
}

describe.each(GRAPHQL_STACKS)('fresh sign-ins in GraphQL: $name', ({ platform, graphql }) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    ...{ platform, clock: clock.now, imports: [graphql()] },
    ...{ controllers: [], providers: [AccountResolver] },
  }));

  it('are asked for, with a code, and can be confirmed in the same operation', async () => {
    const visitor = app.visitor();
    const change = () => operate(visitor, 'mutation { changeEmail }');
    // Nest's driver of Apollo has codes of its own, and the body of an HttpException beside them.
    const code = platform === 'express' ? 'FORBIDDEN' : 'SESSION_NOT_FRESH';
    const refused = [expect.objectContaining({ extensions: expect.objectContaining({ code }) })];
    expect((await change()).errors).toEqual(refused);
    await operate(visitor, 'mutation { signIn }');
    expect((await change()).data).toEqual({ changeEmail: true });
    clock.pass(300);
    const { errors } = await change();
    expect(errors).toEqual(refused);
    expect(JSON.stringify(errors)).toContain('"code":"SESSION_NOT_FRESH"');
    const both = await operate(visitor, 'mutation { confirm changeEmail }');
    expect(both.data).toEqual({ confirm: true, changeEmail: true });
    expect((await change()).data).toEqual({ changeEmail: true });
  });
});
