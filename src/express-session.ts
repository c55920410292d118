export {
  requestSession,
  type RequestSessionHandler,
  type RequestSessionOptions,
} from './express-session/request-session.js';
export type { RequestSessionCookie } from './express-session/request-session-cookie.js';
export type {
  RequestSessionMembers,
  RequestSessionObject,
} from './express-session/request-session-types.js';
export {
  expressSession,
  type ExpressSessionCookie,
  type ExpressSessionOptions,
  type ExpressSessionStore,
} from './express-session/migration.js';
