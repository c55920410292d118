/**
 * The entries of your sessions, for `Session` without a type argument. Declare them once:
 *
 * ```ts
 * declare module 'nestjs-session-manager' {
 *   interface SessionData { visits: number; cart: string[] }
 * }
 * ```
 *
 * While it is empty, a session accepts every key: read an entry by `session.get<T>(key)`, or as `unknown`
 * by property, and write it by `session.set(key, value)`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by declaration merging
export interface SessionData {}
