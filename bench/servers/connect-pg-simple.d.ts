/** The package has no types of its own. */
declare module 'connect-pg-simple' {
  import type session from 'express-session';

  interface PostgresStoreOptions {
    conString: string;
    /** Default: false. */
    createTableIfMissing?: boolean;
  }

  type PostgresStore = new (options: PostgresStoreOptions) => session.Store;

  export default function connectPgSimple(express: typeof session): PostgresStore;
}
