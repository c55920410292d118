import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Redirect } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

/** Where requests wait that have loaded the session and not read the message yet. */
const gates: Gate[] = [];

@Controller()
class NotesController {
  @Post('save')
  @Redirect('/', 303)
  save(@Session() session: Session, @Body() { notice }: { notice: unknown }) {
    session.flash('notice', notice);
  }

  @Get()
  async page(@Session() session: Session) {
    return { notice: (await session.flash('notice')) ?? null, entries: session.toJSON() };
  }

  @Get('slow')
  async slow(@Session() session: Session) {
    const gate = new Gate();
    gates.push(gate);
    await gate.pass();
    return { notice: await session.flash<string>('notice') };
  }

  @Post('sign-in')
  async signIn(@Session() session: Session) {
    session.flash('notice', 'Welcome');
    await session.signIn('ada', { keep: false });
  }
}

describe.each(PLATFORMS)('a flash message, on %s', (platform) => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let one: SessionApp;
  let two: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
    const options = { memcached: wire.server };
    const start = () => startSessionApp({ platform, options, controllers: [NotesController] });
    [one, two] = await Promise.all([start(), start()]);
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await wire.close();
    await memcached.stop();
  });

  it('is shown once after a redirect', async () => {
    const visitor = one.visitor();
    const { status, headers } = await visitor.post('/save', { notice: 'Saved' });
    expect([status, headers.location]).toEqual([303, '/']);
    expect((await visitor.get('/')).json).toEqual({ notice: 'Saved', entries: {} });
    expect((await visitor.get('/')).json).toEqual({ notice: null, entries: {} });
  });

  it('adds no operation to a page without one, and a write to a page with one', async () => {
    const visitor = one.visitor();
    const names = () => wire.commands.map(({ name }) => name);
    await visitor.post('/save', { notice: false });
    wire.reset();
    expect((await visitor.get('/')).json.notice).toBe(false);
    expect(names()).toEqual(['mg', 'cas']);
    wire.reset();
    await visitor.get('/');
    expect(names()).toEqual(['mg']);
  });

  it('is shown by one of several parallel requests', async () => {
    const visitor = one.visitor();
    await visitor.post('/save', { notice: 'Saved' });
    const elsewhere = two.visitor();
    elsewhere.cookie = visitor.cookie;
    const pages = Array.from({ length: 10 }, (_, n) => (n % 2 ? visitor : elsewhere).get('/slow'));
    while (gates.length < 10) await nextTurn();
    for (const gate of gates.splice(0)) gate.release();
    const notices = (await Promise.all(pages)).map(({ json }) => json.notice);
    expect(notices.filter((notice) => notice === 'Saved')).toHaveLength(1);
  });

  it('stays through a sign-in', async () => {
    const visitor = one.visitor();
    await visitor.post('/sign-in');
    expect((await visitor.get('/')).json.notice).toBe('Welcome');
  });
});
