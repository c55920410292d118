/** As deep as options go; whatever lies deeper is compared by identity. */
const MAX_DEPTH = 10;

/**
 * Whether two values are the same options: plain objects and lists with the same contents, and anything
 * else (a store, a cache, a function, a class) only if it is the very same. What is `undefined` counts
 * as left out.
 */
export function areSameOptions(one: unknown, other: unknown, depth = MAX_DEPTH): boolean {
  if (Object.is(one, other)) return true;
  if (depth === 0) return false;
  if (Array.isArray(one) && Array.isArray(other)) {
    return (
      one.length === other.length &&
      one.every((item, index) => areSameOptions(item, other[index], depth - 1))
    );
  }
  if (!isPlain(one) || !isPlain(other)) return false;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => areSameOptions(one[name], other[name], depth - 1));
}

/** The options as they are now, whatever is made of the objects later. */
function snapshot(value: unknown, depth = MAX_DEPTH): unknown {
  if (depth === 0) return value;
  if (Array.isArray(value)) return value.map((item) => snapshot(item, depth - 1));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, snapshot(one, depth - 1)]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

interface Made<T extends object> {
  readonly options: unknown;
  readonly made: WeakRef<T>;
}

/** Keeps what was made of options while it is referenced: the same options give the same object. */
export class MadeOnce<T extends object> {
  private made: Made<T>[] = [];

  of(options: object, make: () => T): T {
    this.made = this.made.filter(({ made }) => made.deref() !== undefined);
    const found = this.made.find((one) => areSameOptions(one.options, options))?.made.deref();
    if (found) return found;
    const fresh = make();
    this.made.push({ options: snapshot(options), made: new WeakRef(fresh) });
    return fresh;
  }
}
