import { ANSWERS } from './answers.js';

/** Who comes: one of several hundred sessions, all of them to one session, or visitors without a session. */
export type VisitorKind = 'small' | 'large' | 'hot' | 'stranger';

export interface Route {
  readonly title: string;
  /** For a chart. */
  readonly label: string;
  readonly path: string;
  readonly visitors: VisitorKind;
  readonly connections: number;
  /** The body of every response. */
  readonly answer: string;
}

/** Enough to keep a core busy, and well below the number of sessions: no two meet in one session. */
const CONNECTIONS = 32;

const routes = {
  untouched: {
    title: 'Untouched: the request has a cookie, the handler ignores its session',
    label: 'untouched',
    path: '/untouched',
    visitors: 'small',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.untouched),
  },
  read: {
    title: 'Read: one entry of a session of about 300 bytes',
    label: 'read',
    path: '/read',
    visitors: 'small',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.read),
  },
  write: {
    title: 'Write: one entry of a session of about 300 bytes, read and changed',
    label: 'write',
    path: '/write',
    visitors: 'small',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.written),
  },
  large: {
    title: 'Large: one small entry read from a session of 20 kB',
    label: 'read of 20 kB',
    path: '/read',
    visitors: 'large',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.read),
  },
  new: {
    title: 'New: a visitor without a cookie, whose session begins with one entry',
    label: 'new visitor',
    path: '/write',
    visitors: 'stranger',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.written),
  },
  injected: {
    title:
      'Injected: read by a controller with SessionManager injected (bare: a request-scoped one)',
    label: 'SessionManager',
    path: '/injected',
    visitors: 'small',
    connections: CONNECTIONS,
    answer: JSON.stringify(ANSWERS.read),
  },
  hot: {
    title: 'Hot: 64 connections count in one and the same session',
    label: 'hot session',
    path: '/count',
    visitors: 'hot',
    connections: 64,
    answer: JSON.stringify(ANSWERS.written),
  },
} satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

export const ROUTES: Readonly<Record<RouteName, Route>> = routes;

export const ROUTE_NAMES = Object.keys(routes) as RouteName[];
