export { SessionModule, type SessionModuleAsyncOptions } from './session.module.js';
export type {
  RememberLimits,
  SessionModuleOptions,
  SessionOptionsFactory,
} from './session-options.js';
export { Session } from './http/session.decorator.js';
export {
  AllowCrossSite,
  CrossSiteGuard,
  type CrossSiteOptions,
  type CrossSiteRequest,
} from './http/cross-site.guard.js';
export { FreshSession, FreshSessionGuard } from './http/fresh-session.decorator.js';
export { sessionOf } from './http/session-of.js';
export type { SessionCookieOptions } from './http/cookie-options.js';
export type { SessionHeaderOptions, SessionTransportOption } from './http/transport-options.js';
export { SessionManager } from './session/session-manager.js';
export type * from './session/entry-types.js';
export type { OutagePolicy, PeekOptions, SessionAccess, WritableAccess } from './session/access.js';
export { UserSessions, type AnySession, type SessionInfo } from './session/users/user-sessions.js';
export type {
  KeepOptions,
  ReadMembers,
  ReadonlySession,
  RegenerateOptions,
  RememberOptions,
  SessionKey,
  SessionMembers,
  // The type `Session` under a name of its own, for the declarations that TypeScript emits.
  Session as SessionOf,
  SignInOptions,
  WriteMembers,
} from './session/session.js';
export {
  SessionConflictError,
  SessionDestroyedError,
  SessionError,
  SessionLimitError,
  SessionOptionsError,
  SessionReadOnlyError,
  SessionStoreError,
  SessionTooLargeError,
  SessionValueError,
} from './session/errors.js';
export type { SessionErrorCode } from './session/error-codes.js';
export { SessionMonitor } from './session-monitor.js';
export type {
  SessionCounters,
  SessionEvent,
  SessionEventPayloads,
  SessionIdentity,
} from './session/telemetry.js';
export type { ServerReport, ServerState } from './store/server-health.js';
export type {
  RecordHints,
  SessionStore,
  StoreDiagnosis,
  StoredText,
  StoreNeeds,
} from './session/storage/store.js';
export { cacheStore } from './store/contract/cache-store.js';
export { memcachedStore } from './store/memcached/store.js';
export type {
  MemcachedLocation,
  MemcachedOptions,
  MemcachedServer,
} from './store/memcached/options.js';
// By star, since TypeScript merges an application's declarations with such exports only.
export * from './session/session-data.js';
