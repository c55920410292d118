export { readSession, sessionCookie, sessionHeaders } from './testing/session-cookie.js';
export { TestClock } from './testing/test-clock.js';
export { testContext, type TestContextOptions } from './testing/test-context.js';
export { testSession, type TestSessionOptions } from './testing/test-session.js';
export { TestSessions } from './testing/test-sessions.js';
export { TestStore } from './testing/test-store.js';
export { describeSessionStore, type SessionStoreTests } from './testing/contract-tests/describe.js';
export type { TestFramework } from './testing/contract-tests/framework.js';
