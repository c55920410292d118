import type { RouteName } from './routes.js';

export type Platform = 'express' | 'fastify';

/** One way to have sessions in Nest (or none), served by a process of its own. */
export interface Contender {
  readonly title: string;
  readonly platform: Platform;
  /** The routes that it can serve. */
  readonly routes: readonly RouteName[];
  /** Whether what is written can be read again, and is checked. */
  readonly keepsSessions: boolean;
}

const SESSION_ROUTES: readonly RouteName[] = ['untouched', 'read', 'write', 'large', 'new', 'hot'];
const ALL_ROUTES: readonly RouteName[] = [...SESSION_ROUTES, 'injected'];

const contenders = {
  bare: {
    title: 'Nest without sessions',
    platform: 'express',
    routes: ALL_ROUTES,
    keepsSessions: false,
  },
  // The floor: one `gats` a request by some dozen lines, for a write a `cas` as well.
  mini: {
    title: 'the least client of its own',
    platform: 'express',
    routes: ['read', 'write', 'large'],
    keepsSessions: true,
  },
  // The same by a client from npm, with `get` and `set`.
  raw: {
    title: 'memcache-client by itself',
    platform: 'express',
    routes: ['read', 'write', 'large'],
    keepsSessions: true,
  },
  ours: {
    title: 'nestjs-session-manager',
    platform: 'express',
    routes: ALL_ROUTES,
    keepsSessions: true,
  },
  'ours-durable': {
    title: 'nestjs-session-manager + Postgres as a durable tier',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'ours-redis': {
    title: 'nestjs-session-manager + Redis',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'express-session-redis': {
    title: 'express-session + connect-redis',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'express-session-memcached': {
    title: 'express-session + connect-memcached',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'ours-postgres': {
    title: 'nestjs-session-manager + Postgres alone',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'express-session-postgres': {
    title: 'express-session + connect-pg-simple',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  // Sessions as JSON in the process: no round trip, and not shared with any other process.
  'express-session-memory': {
    title: 'express-session + MemoryStore',
    platform: 'express',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
  'bare-fastify': {
    title: 'Nest on Fastify without sessions',
    platform: 'fastify',
    routes: ALL_ROUTES,
    keepsSessions: false,
  },
  'raw-fastify': {
    title: 'memcache-client by itself on Fastify',
    platform: 'fastify',
    routes: ['read', 'write', 'large'],
    keepsSessions: true,
  },
  'ours-fastify': {
    title: 'nestjs-session-manager on Fastify',
    platform: 'fastify',
    routes: ALL_ROUTES,
    keepsSessions: true,
  },
  // It has no store for memcached. Its MemoryStore keeps the very objects: nothing is serialised.
  'fastify-session-memory': {
    title: '@fastify/session + MemoryStore',
    platform: 'fastify',
    routes: SESSION_ROUTES,
    keepsSessions: true,
  },
} satisfies Record<string, Contender>;

export type ContenderName = keyof typeof contenders;

export const CONTENDERS: Readonly<Record<ContenderName, Contender>> = contenders;

export const CONTENDER_NAMES = Object.keys(contenders) as ContenderName[];

/** Nest without sessions, on the same platform: what all others are compared with. */
export function baselineOf(name: ContenderName): ContenderName {
  return CONTENDERS[name].platform === 'fastify' ? 'bare-fastify' : 'bare';
}
