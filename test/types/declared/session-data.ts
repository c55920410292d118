import 'nestjs-session-manager';

export interface Cart {
  items: { name: string; price: number }[];
}

declare module 'nestjs-session-manager' {
  interface SessionData {
    visits: number;
    cart: Cart;
    account?: { id: number; name: string };
    theme: 'light' | 'dark';
    score: number | string;
    level?: 1 | 2 | 3;
  }
}
