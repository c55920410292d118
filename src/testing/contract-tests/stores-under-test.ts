import type { SessionStore } from '../../session/storage/store.js';

/** The stores under test, which are there once the tests run. */
export interface StoresUnderTest {
  readonly store: SessionStore;
  /** The same records, as another process sees them. */
  readonly another: SessionStore;
  /** A key that nobody has used. */
  newKey(): string;
}
