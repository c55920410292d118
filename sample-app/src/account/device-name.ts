const BROWSERS: readonly [name: string, token: RegExp][] = [
  // Each of the later ones is also named by those before it.
  ...([
    ['Edge', /Edg(e|A|iOS)?\//],
    ['Opera', /OPR\//],
    ['Samsung Internet', /SamsungBrowser\//],
  ] as const),
  ...([
    ['Firefox', /(Firefox|FxiOS)\//],
    ['Chrome', /(Chrome|CriOS)\//],
  ] as const),
  ...([
    ['Safari', /Safari\//],
    ['curl', /^curl\//],
  ] as const),
].map(([name, token]) => [name, token]);

const SYSTEMS: readonly [name: string, token: RegExp][] = [
  ...([
    ['iPhone', /iPhone/],
    ['iPad', /iPad/],
    ['Android', /Android/],
  ] as const),
  ...([
    ['ChromeOS', /CrOS/],
    ['Windows', /Windows/],
    ['Mac', /Macintosh/],
    ['Linux', /Linux/],
  ] as const),
].map(([name, token]) => [name, token]);

/** What people call the browser of a `User-Agent`, such as `Firefox on Windows`. */
export function deviceName(userAgent = ''): string {
  const find = (names: typeof BROWSERS) => names.find(([, token]) => token.test(userAgent))?.[0];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (!browser && !system) return 'An unknown browser';
  return [browser ?? 'A browser', ...(system ? [`on ${system}`] : [])].join(' ');
}
