import type { User } from './account/user.js';
import type { Basket } from './basket/basket.js';

// The entries of this application's sessions: `session.visits`, `session.get('user')` and
// `@Session('basket')` are typed by it everywhere.
declare module 'nestjs-session-manager' {
  interface SessionData {
    visits: number;
    user: User;
    basket: Basket;
    note: string;
  }
}
