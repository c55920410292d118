/**
 * The entries of your sessions, for `Session` without a type argument. Declare them once:
 *
 * ```ts
 * declare module 'nestjs-session-manager' {
 *   interface SessionData { visits: number; cart: string[] }
 * }
 * ```
 *
 * While it is empty, a session accepts every key, and values are `any`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by declaration merging
export interface SessionData {}
