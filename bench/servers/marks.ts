import { smallSession } from './sample-session.js';

/** Every visitor leaves a mark, by which he knows his session again, and counts in it. */
export interface Marks {
  mark: string;
  count: number;
}

export const joined = (mark: string): Marks => ({ ...smallSession(), mark, count: 0 });
