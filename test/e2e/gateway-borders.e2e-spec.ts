import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

import { Session } from '../../src/index.js';
import { connectGateway, SOCKET_PLATFORMS, useSockets } from '../support/gateway-client.js';
import { Gate } from '../support/gate.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';

/** Where a message waits that has read its session. */
let gate: Gate;
/** What the message saw of the session afterwards. */
let seen: unknown[];

@Controller()
class BorderController {
  @Post()
  begin(@Session() session: Session) {
    session.notes = 'before';
  }

  @Post('sign-in')
  async signIn(@Session() session: Session) {
    const own = await session.signIn('ada');
    own.notes = "ada's";
  }

  @Post('new-id')
  async newId(@Session() session: Session) {
    await session.regenerate({ keep: ['cart'] });
    session.notes = "ada's";
  }

  @Get()
  read(@Session() session: Session) {
    return { user: session.userId, ...session.toJSON() };
  }
}

@WebSocketGateway()
class BorderGateway {
  @SubscribeMessage('late')
  async late(@Session() session: Session, @MessageBody() act: string) {
    await gate.pass();
    if (act === 'write') session.shipTo = 'elsewhere';
    if (act === 'update') {
      session.update('notes', (notes) => {
        seen.push(notes);
        return 'overwritten';
      });
    }
    if (act === 'destroy') await session.destroy();
    if (act === 'read') seen.push(session.notes);
    return { event: 'answer', data: act };
  }
}

const ACTS = ['write', 'update', 'destroy', 'read'] as const;

describe.each(SOCKET_PLATFORMS)('a message under way, with %s', (sockets) => {
  const memcached = useMemcached();
  const settings = () => ({
    controllers: [BorderController],
    providers: [BorderGateway],
    options: { memcached: memcached.server, cookie: { secure: false } },
    prepare: useSockets(sockets),
  });
  const here = useSessionApp(settings);
  const elsewhere = useSessionApp(settings);

  beforeEach(() => {
    gate = new Gate();
    seen = [];
  });

  afterEach(() => gate.release());

  describe.each([
    ['a sign-in', '/sign-in', { user: 'ada', notes: "ada's" }],
    ['a new id that does not keep all', '/new-id', { notes: "ada's" }],
  ])('beside %s', (_what, path, after) => {
    it.each(ACTS.flatMap((act) => [[act, 'this'] as const, [act, 'another'] as const]))(
      'does not %s the session behind it, given by %s application',
      async (act, which) => {
        const victim = (which === 'this' ? here : elsewhere).visitor();
        await victim.post('/');
        const client = await connectGateway(sockets, here.url, victim.cookie);
        client.send('late', act);
        await gate.reached;
        expect((await victim.post(path)).status).toBe(201);
        gate.release();
        const told = await client.next().then(
          ({ event }) => event,
          () => 'closed',
        );
        if (act === 'write' || act === 'update') expect(['exception', 'closed']).toContain(told);
        expect(seen).toEqual(act === 'update' || act === 'read' ? ['before'] : []);
        expect((await victim.get('/')).json).toEqual(after);
        client.close();
      },
    );
  });
});
