import dns from 'node:dns';
import { isIP } from 'node:net';

/** Names that end in `.test`, which a test gives addresses to. All others are as they are. */
export interface FakeDns {
  /** The addresses of a name from now on; none: it is unknown. */
  set(name: string, ...addresses: string[]): void;
  /** The name is never answered. */
  hang(name: string): void;
  /** How often names were looked up. */
  readonly lookups: number;
  restore(): void;
}

type Callback = (error: Error | null, addresses?: dns.LookupAddress[]) => void;
type Lookup = (name: string, options: unknown, callback: Callback) => void;

/** Replaces `dns.lookup` until it is restored. */
export function fakeDns(): FakeDns {
  const names = new Map<string, string[] | 'hangs'>();
  const { lookup } = dns;
  let lookups = 0;
  const answer: Lookup = (name, options, callback) => {
    if (!name.endsWith('.test')) return (lookup as Lookup)(name, options, callback);
    lookups++;
    const addresses = names.get(name) ?? [];
    if (addresses === 'hangs') return;
    setImmediate(() => {
      if (addresses.length === 0) callback(new Error(`getaddrinfo ENOTFOUND ${name}`));
      else
        callback(
          null,
          addresses.map((address) => ({ address, family: isIP(address) })),
        );
    });
  };
  dns.lookup = answer as typeof dns.lookup;
  return {
    set: (name, ...addresses) => void names.set(name, addresses),
    hang: (name) => void names.set(name, 'hangs'),
    get lookups() {
      return lookups;
    },
    restore: () => void (dns.lookup = lookup),
  };
}
