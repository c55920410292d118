/** What a route wants with its session. */
export interface SessionAccess {
  /**
   * `true`: the session can be read only. Writes throw a `SessionReadOnlyError`, and objects in it are
   * frozen; the response is not held back, and nothing is committed. It is renewed all the same.
   * Default `false`.
   */
  readonly readOnly?: boolean;
  /**
   * What to do if the store cannot be read. `'refuse'`: a `SessionStoreError`, hence a 503.
   * `'anonymous'`: an empty session, for routes that can do without; it refuses writes with a
   * `SessionStoreError`, and leaves the client's cookie alone. Default: the module's `onOutage`.
   */
  readonly onOutage?: OutagePolicy;
}

export type OutagePolicy = 'refuse' | 'anonymous';
