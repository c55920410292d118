import type { Session } from '../../src/session/session.js';
import { USERS, type Operation } from './schedule.js';
import type { SimulatedRequest } from './simulated-request.js';

/** The application: does one operation after the other, and what throws ends it. */
export async function handle(
  request: SimulatedRequest,
  operations: readonly Operation[],
): Promise<void> {
  const { model, view } = request;
  try {
    request.session = await request.current.load({ touch: request.order.touch });
  } catch (error) {
    model.couldNotLoad(view, error);
    throw error;
  }
  model.loaded(view, request.current.isStored, seen(request.session));
  for (const [at, operation] of operations.entries()) {
    model.does(view, operation.do);
    await perform(request, operation, `${view.name}.${at}`);
  }
}

async function perform(
  request: SimulatedRequest,
  operation: Operation,
  tag: string,
): Promise<void> {
  const { model, view, current } = request;
  const { now } = request.order.process;
  const session = request.session!;
  switch (operation.do) {
    case 'wait':
      return request.wait();
    case 'read':
      return model.sees(view, seen(session));
    case 'append':
      session.update('list', (old: unknown) => {
        model.updaterSees(view, old);
        return [...((old as string[] | undefined) ?? []), tag];
      });
      return model.wrote(view, tag, 'list');
    case 'set':
      session.set(tag, tag);
      return model.wrote(view, tag, tag);
    case 'save':
      model.saves(view);
      await model.outcomeOf(session.save(), (error) => model.didNotSave(view, error));
      return model.committed(view, request.outcome());
    case 'sign out': {
      const { keep } = operation;
      const failed = (error: unknown) => model.failedToEnd(view, error);
      model.ends(view);
      if (keep === undefined) {
        await model.outcomeOf(session.signOut(), failed);
        model.ended(view);
        request.session = await current.load();
        return;
      }
      request.session = await model.outcomeOf(session.signOut({ keep }), failed);
      return model.signedOut(view, keep, current.isStored, seen(request.session));
    }
    case 'reload':
      model.reloads(view);
      await model.outcomeOf(session.reload(), (error) => model.didNotReload(view, error));
      return model.reloaded(view, seen(session));
    case 'live':
      session.lifetime = operation.seconds;
      return model.setsLifetime(view, operation.seconds);
    case 'confirm':
      model.confirms(view, now());
      request.session = await model.outcomeOf(session.confirmSignIn(), (error) =>
        model.didNotConfirm(view, error, session.id),
      );
      return model.confirmed(view, request.session.id, seen(request.session).signedInAt, now());
    case 'create':
      model.ends(view);
      request.session = await model.outcomeOf(current.create(), (error) =>
        model.failedToEnd(view, error),
      );
      return model.ended(view);
    case 'regenerate': {
      const { keep } = operation;
      model.moves(view, keep);
      request.session = await model.outcomeOf(session.regenerate({ keep }), (error) =>
        model.didNotMove(view, error, session.id),
      );
      return model.moved(view, keep, request.session.id);
    }
    case 'sign in': {
      const { keep, remember } = operation;
      const user = USERS[operation.user]!;
      const min = now();
      model.signsIn(view, user);
      request.session = await model.outcomeOf(session.signIn(user, { keep, remember }), (error) =>
        model.didNotSignIn(view, user, error),
      );
      const between = { min, max: now() };
      return model.signedIn(view, { user, keep, remember }, seen(request.session), between);
    }
    case 'list':
      for (const user of USERS) {
        model.listed(user, (await request.order.process.users.list(user)).length);
      }
      return;
    case 'revoke all': {
      const user = USERS[operation.user]!;
      model.revokes(view, user);
      await request.order.process.users.revokeAll(user);
      return model.revoked(view, user);
    }
  }
}

/** All that a handler can see of its session. */
export function seen(session: Session): Seen {
  const { id, userId: user, lifetime, signedInAt } = session;
  return { id, user, lifetime, signedInAt: signedInAt?.getTime(), entries: session.toJSON() };
}

export interface Seen {
  readonly id: string;
  readonly user: string | undefined;
  /** Seconds. */
  readonly lifetime: number;
  readonly signedInAt: number | undefined;
  readonly entries: Record<string, unknown>;
}
