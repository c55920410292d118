import { remedyFor, type OptionHints } from './option-names.js';
import { printable } from './printable.js';
import { SessionOptionsError } from './errors.js';

/** The longest name, in characters, that is compared with the known ones. */
const MAX_NAME = 40;

/**
 * Refuses unknown options. `hints`: texts for options of other libraries.
 *
 * @throws SessionOptionsError for an unknown name, with the likely one
 */
export function refuseUnknownOptions(
  options: unknown,
  known: readonly string[],
  parent?: string,
  hints?: OptionHints,
): asserts options is object {
  requireOptions(options, parent);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    // A longer name is not a typo, and comparing would take long.
    const remedy = remedyFor(name.slice(0, MAX_NAME), known, hints);
    throw new SessionOptionsError(parent ? `${parent}.${name}` : name, remedy);
  }
}

/** @throws SessionOptionsError unless it is an object with options */
export function requireOptions(
  options: unknown,
  parent = 'options',
): asserts options is Record<string, unknown> {
  const isOther = Array.isArray(options) || options instanceof Date;
  if (typeof options === 'object' && options !== null && !isOther) return;
  throw new SessionOptionsError(parent, `give an object, not ${printable(options)}`);
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
    `give a whole number of ${unit}, ${range}, not ${printable(value)}`,
  );
}

/** The options with their defaults. `undefined` counts as absent. */
export function withDefaults<Defaults extends object, Options extends object>(
  defaults: Defaults,
  options: Options,
): Defaults & Options {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as Defaults & Options;
}
