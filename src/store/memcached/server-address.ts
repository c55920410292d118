/** Where a server listens. */
export type ServerAddress =
  { readonly host: string; readonly port: number } | { readonly path: string };

/** `host:port`, `[address]:port` for IPv6, or `unix:/path`. */
const ADDRESS = /^(?:unix:(\/.+)|(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5}))$/i;

/** `undefined`: not an address. */
export function parseAddress(text: string): ServerAddress | undefined {
  const [, path, ipv6, name, port] = ADDRESS.exec(text) ?? [];
  if (path !== undefined) return { path };
  const host = ipv6 ?? name;
  if (host === undefined || !(Number(port) > 0 && Number(port) < 65_536)) return undefined;
  return { host, port: Number(port) };
}

/** The opposite, such as `10.0.0.1:11211` or `[fd00::1]:11211`. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
