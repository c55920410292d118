/** How a route uses its session. */
export interface SessionAccess {
  /**
   * `true`: the session is read-only. Writes throw a `SessionReadOnlyError`, and objects in it are
   * frozen; the response is not held back, and nothing is committed. Reading still renews it, unless
   * `touch` is `false`. Default `false`.
   */
  readonly readOnly?: boolean | undefined;
  /**
   * `false`: reading neither renews the session nor changes its id, so that it still ends at `expiresAt`.
   * For requests without user activity, such as polling, and for "your session ends in two minutes". A write
   * renews the session, and so does a read without this option in the same request. Default `true`.
   */
  readonly touch?: boolean | undefined;
  /**
   * What to do if the store cannot be read. `'refuse'`: throw a `SessionStoreError`, hence a 503.
   * `'anonymous'`: give an empty session, for routes that work without one; it refuses writes with a
   * `SessionStoreError`, and leaves the client's cookie alone. Default: the module's `onOutage`.
   */
  readonly onOutage?: OutagePolicy | undefined;
}

/** Access to a session that can be changed. */
export type WritableAccess = SessionAccess & { readonly readOnly?: false | undefined };

/** What a route gets if the store cannot be read: a 503, or an empty session that refuses writes. */
export type OutagePolicy = 'refuse' | 'anonymous';

/** The options of `SessionManager.peek()`. */
export type PeekOptions = Pick<SessionAccess, 'touch'>;
