/** The part of a test framework that the tests of a store use. */
export interface TestFramework {
  /** Groups tests. */
  describe(name: string, define: () => void): unknown;
  /** Defines a test. */
  it(name: string, run: () => Promise<void>): unknown;
  /** In Jest and Vitest. */
  beforeAll?(run: () => Promise<void>, timeout?: number): unknown;
  /** In Jest and Vitest. */
  afterAll?(run: () => Promise<void>, timeout?: number): unknown;
  /** In `node:test`. */
  before?(run: () => Promise<void>): unknown;
  /** In `node:test`. */
  after?(run: () => Promise<void>): unknown;
}

/** The timeout for starting and stopping a store, in milliseconds. */
const SETUP_TIMEOUT = 60_000;

/** The functions of any supported test framework. */
export interface Suite {
  readonly describe: (name: string, define: () => void) => void;
  readonly it: (name: string, run: () => Promise<void>) => void;
  readonly before: (run: () => Promise<void>) => void;
  readonly after: (run: () => Promise<void>) => void;
}

/** @throws TypeError if no functions are given and there are no global ones */
export function suiteOf(given: TestFramework | undefined): Suite {
  const framework = given ?? (globalThis as unknown as Partial<TestFramework>);
  const { describe, it, beforeAll, afterAll, before, after } = framework;
  const begin = beforeAll ?? before;
  const end = afterAll ?? after;
  if (!describe || !it || !begin || !end) {
    throw new TypeError(
      'describeSessionStore: there is no global describe(), so give the functions of the test framework, ' +
        'such as { framework: { describe, it, beforeAll, afterAll } } of Vitest, or ' +
        "{ framework: await import('node:test') }",
    );
  }
  return {
    describe: (name, define) => void describe(name, define),
    it: (name, run) => void it(name, run),
    before: (run) => void (beforeAll ? beforeAll(run, SETUP_TIMEOUT) : begin(run)),
    after: (run) => void (afterAll ? afterAll(run, SETUP_TIMEOUT) : end(run)),
  };
}
