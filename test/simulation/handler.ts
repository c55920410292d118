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
    request.session = await request.current.load();
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
    case 'sign out':
      model.ends(view);
      await model.outcomeOf(session.signOut(), (error) => model.failedToEnd(view, error));
      model.ended(view);
      request.session = await current.load();
      return;
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
        model.didNotMove(view, error),
      );
      return model.moved(view, keep, request.session.id);
    }
    case 'sign in': {
      const { keep } = operation;
      const user = USERS[operation.user]!;
      model.signsIn(view, user);
      request.session = await model.outcomeOf(session.signIn(user, { keep }), (error) =>
        model.didNotSignIn(view, user, error),
      );
      return model.signedIn(view, user, keep, request.session.id);
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
  return { id: session.id, user: session.userId, entries: session.toJSON() };
}

export interface Seen {
  readonly id: string;
  readonly user: string | undefined;
  readonly entries: Record<string, unknown>;
}
