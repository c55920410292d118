// It comes without types.
declare module 'connect-memcached' {
  import type expressSession from 'express-session';

  interface Options {
    readonly hosts: readonly string[];
    readonly prefix: string;
  }
  export default function connectMemcached(
    session: typeof expressSession,
  ): new (options: Options) => expressSession.Store;
}
