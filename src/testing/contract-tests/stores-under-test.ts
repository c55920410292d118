import type { SessionStore } from '../../session/storage/store.js';

/** The stores under test. They exist while the tests run. */
export interface StoresUnderTest {
  readonly store: SessionStore;
  /** A second store with the same records, like that of another process. */
  readonly another: SessionStore;
  /** Returns an unused key. */
  newKey(): string;
}
