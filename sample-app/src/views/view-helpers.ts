import { createHash } from 'node:crypto';

import type { Session } from 'nestjs-session-manager';

import { deviceName } from '../account/device-name.js';
import type { RequestCost } from '../request-cost/request-cost.js';

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

export const viewHelpers = {
  deviceName,

  /** `cents`: as prices are kept. */
  price(cents: number): string {
    return euros.format(cents / 100);
  },

  /** Shows that an id has changed without showing the id, which is the key to the session. */
  fingerprint(session: Session): string {
    return createHash('sha256').update(session.id).digest('hex').slice(0, 6);
  },

  /** What the entries take in the store. */
  sizeInBytes(session: Session): number {
    return Buffer.byteLength(JSON.stringify(session));
  },

  /** Where the navigation leads. */
  places(inspector: string | undefined): [path: string, name: string][] {
    return [
      ...([
        ['/', 'Home'],
        ['/race', 'Race'],
        ['/products', 'Products'],
      ] as [string, string][]),
      ...([
        ['/basket', 'Basket'],
        ['/members', 'Members'],
        ['/try-graphql', 'GraphQL'],
      ] as [string, string][]),
      ...(inspector ? ([[inspector, 'Inspector']] as [string, string][]) : []),
      ['/about', 'About'],
    ];
  },

  /** What the round trips were for. */
  purposes({ reads, writes }: RequestCost): string {
    const purposes = [];
    if (reads > 0) purposes.push('1 to read your session and renew its life');
    if (reads > 1) purposes.push(`${reads - 1} to read the list of your sessions`);
    if (writes > 0) purposes.push(`${writes} to store it`);
    return purposes.join(', ');
  },

  plural(count: number, noun: string): string {
    return `${count} ${noun}${count === 1 ? '' : 's'}`;
  },
};
