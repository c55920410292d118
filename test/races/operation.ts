/** Which entry: one that all requests use, or one of the request's own. */
export type EntryName = 'shared' | 'own' | 'count' | 'list';

/** What a handler does, one after the other; `races-server.mjs` does the same to a real session. */
export type Operation =
  | { readonly do: 'read' }
  | { readonly do: 'set'; readonly entry: EntryName }
  | { readonly do: 'delete'; readonly entry: EntryName }
  | { readonly do: 'increment'; readonly by: number }
  /** Adds to the list by `update()`. */
  | { readonly do: 'append' }
  /** Adds to the list that was read, in place. */
  | { readonly do: 'push' }
  | { readonly do: 'clear' }
  | { readonly do: 'save' }
  | { readonly do: 'regenerate'; readonly keep: boolean | readonly string[] }
  | { readonly do: 'signIn'; readonly user: string; readonly keep: boolean | readonly string[] }
  | { readonly do: 'destroy' }
  | { readonly do: 'create' }
  /** Stops until the test lets it continue. */
  | { readonly do: 'wait' }
  /** Answers 409: earlier writes are stored all the same. */
  | { readonly do: 'refuse' };

export const STATUS = { done: 201, refused: 409, failed: 500 } as const;

/** The name of an entry in the session, for the request of that number. */
export function entryKey(entry: EntryName, request: number): string {
  return entry === 'own' ? `own${request}` : entry;
}

/** What a request writes is written by no other operation of the program. */
export function tagOf(request: number, index: number): string {
  return `${request}.${index}`;
}
