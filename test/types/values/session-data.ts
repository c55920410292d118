import 'nestjs-session-manager';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface Tree {
  name: string;
  children: Tree[];
}

declare module 'nestjs-session-manager' {
  interface SessionData {
    data: Json;
    tree: Tree;
    loose: any;
    open: unknown;
    cart: { items: string[] };
    pair: [number, string];
    n: number;
    maybe?: string | null;
    who: { kind: 'a'; x: number } | { kind: 'b'; y: string };
  }
}
