import { SessionOptionsError } from './session.errors.js';

/** @throws SessionOptionsError for a name that is none of those known, most likely a slip */
export function refuseUnknownOptions(
  options: unknown,
  known: readonly string[],
  parent?: string,
): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new SessionOptionsError(parent ?? 'options', 'give an object');
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new SessionOptionsError(
        parent ? `${parent}.${name}` : name,
        `there is no such option; the options are ${known.join(', ')}`,
      );
    }
  }
}

/** @throws SessionOptionsError unless it is a whole number within these bounds */
export function requireWholeNumber(
  option: string,
  value: unknown,
  { unit, from, to = Number.MAX_SAFE_INTEGER }: { unit: string; from: number; to?: number },
): void {
  if (Number.isInteger(value) && (value as number) >= from && (value as number) <= to) return;
  const range = to === Number.MAX_SAFE_INTEGER ? `${from} or more` : `from ${from} to ${to}`;
  throw new SessionOptionsError(
    option,
    `give a whole number of ${unit}, ${range}, not ${String(value)}`,
  );
}

/** The options with their defaults; one that is `undefined` counts as left out. */
export function withDefaults<Defaults extends object, Options extends object>(
  defaults: Defaults,
  options: Options,
): Defaults & Options {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as Defaults & Options;
}
