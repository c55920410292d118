/**
 * The entries of your sessions, for `Session` without a type argument. Declare them once:
 *
 * ```ts
 * declare module 'nestjs-session-manager' {
 *   interface SessionData { visits: number; cart: string[] }
 * }
 * ```
 *
 * As long as it is empty, a session takes every key and its values are `any`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by declaration merging
export interface SessionData {}
