import dns from 'node:dns';
import { isIP } from 'node:net';

/**
 * The addresses of a host name, in the same order in every process: IPv4 before IPv6, each sorted by text.
 * For an IP address, the address itself.
 */
export async function addressesOf(name: string): Promise<string[]> {
  if (isIP(name)) return [name];
  const found = await new Promise<dns.LookupAddress[]>((resolve, reject) => {
    dns.lookup(name, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    });
  });
  const byOrder = found.sort(
    (a, b) => a.family - b.family || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0),
  );
  return [...new Set(byOrder.map(({ address }) => address))];
}
