import type { CheckedSessionOptions } from '../session-options.js';
import { SESSION_CLOCK, SESSION_OPTIONS, SESSION_STORE } from '../session.providers.js';
import type { OpenSessionStore } from '../store/store.factory.js';
import { TestClock } from './test-clock.js';
import { TestStore } from './test-store.js';

/** The part of the `TestingModuleBuilder` of `@nestjs/testing` that is used. */
interface Builder {
  overrideProvider(token: unknown): {
    useValue(value: unknown): unknown;
    useFactory(options: { factory: (...args: never[]) => unknown; inject: unknown[] }): unknown;
  };
}

/**
 * A clock and a store that replace those of an application under test. The test controls when time passes
 * and when the store fails. All other options are the application's.
 *
 * ```ts
 * const sessions = new TestSessions();
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * const module = await sessions.into(builder).compile();
 *
 * sessions.clock.pass(1200);
 * sessions.store.fail();
 * ```
 */
export class TestSessions {
  /** The application's clock. It stands still until the test moves it. */
  readonly clock = new TestClock();
  /** The application's store. It fails when the test calls `fail()` or `hang()`. */
  readonly store = new TestStore(this.clock.now);

  /** Overrides clock and store in the application that the builder creates. Returns the builder. */
  into<B extends Builder>(builder: B): B {
    builder.overrideProvider(SESSION_CLOCK).useValue(this.clock.now);
    builder.overrideProvider(SESSION_STORE).useFactory({
      inject: [SESSION_OPTIONS],
      factory: ({ timeout }: CheckedSessionOptions): OpenSessionStore => {
        this.store.renewTo(timeout);
        return {
          ...{ store: this.store, place: 'a test', servers: [] },
          ...{
            watch: () => undefined,
            diagnose: () => Promise.resolve([]),
            close: () => undefined,
            hold: () => () => Promise.resolve(),
            watchRemovals: () => () => undefined,
          },
        };
      },
    });
    return builder;
  }
}
