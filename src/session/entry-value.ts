import { SessionValueError } from './errors.js';

/** Deeper than any sensible value, and far below the limit of `JSON.stringify`'s stack. */
const MAX_DEPTH = 500;

/** Keys that reach an object's prototype; refused to prevent prototype pollution in a merge. */
const POISONED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

export function isPoisonedKey(key: string): boolean {
  return POISONED_KEYS.has(key);
}

/** The prefix of flash messages, which are stored beside the entries. No entry can have such a key. */
const FLASH = '\0flash:';

export function flashKey(name: string): string {
  checkKey(name);
  return FLASH + name;
}

export function isFlashKey(key: string): boolean {
  return key.startsWith(FLASH);
}

/** Refuses an invalid key of an entry. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string') {
    throw new SessionValueError(String(key), 'the key of an entry must be a string');
  }
  if (isPoisonedKey(key)) {
    throw new SessionValueError(key, 'this key is refused, as it could change a prototype');
  }
  if (isFlashKey(key)) {
    throw new SessionValueError(key, 'this key is refused, as it is reserved for flash messages');
  }
}

/**
 * The JSON text of a value that JSON keeps exactly, but for what is `undefined` in an object: that is left
 * out, unless `isStrict`, as it reads the same afterwards.
 *
 * @throws SessionValueError naming the path of anything else: what would come back from the store
 * as something different must not seem to be saved.
 */
export function toJson(key: string, value: unknown, isStrict = false): string {
  check(value, key, [], isStrict);
  return JSON.stringify(value);
}

/** The text to store of an entry's value. `undefined`: there is nothing to store. */
export type ToText = (key: string, value: unknown, isStrict: boolean) => string | undefined;

/**
 * The JSON text of a value, as `JSON.stringify` makes it and express-session stores it: a `Date` becomes a string,
 * `NaN` null, and what JSON leaves out is left out.
 *
 * @throws SessionValueError if it makes nothing of it, as of a `BigInt`, or nothing that could be read again
 */
export function toLooseJson(key: string, value: unknown): string | undefined {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SessionValueError(key, `JSON makes nothing of it: ${reason}`);
  }
  if (json !== undefined && mayBeHostile(json) && fromJson(json) === undefined) {
    throw new SessionValueError(key, 'it is nested too deeply, or has a key __proto__; store less');
  }
  return json;
}

/**
 * The value of an entry's text out of the store. `undefined`: this package did not write it, as it is
 * no JSON, nested too deeply, or reaches into prototypes.
 */
export function fromJson(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return mayBeHostile(json) && isHostile(value, MAX_DEPTH) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Most values need not be looked at: each level takes two characters, and few have escapes. */
function mayBeHostile(json: string): boolean {
  return json.length > 2 * MAX_DEPTH || /__proto__|\\u/.test(json);
}

function isHostile(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0 || Object.hasOwn(value, '__proto__')) return true;
  return Object.values(value).some((item) => isHostile(item, levels - 1));
}

function check(value: unknown, path: string, parents: object[], isStrict: boolean): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) {
        throw new SessionValueError(path, `${value} is not a JSON number; store null or a string`);
      }
      return;
    case 'object':
      if (value !== null) checkObject(value, path, parents, isStrict);
      return;
    case 'undefined':
      throw new SessionValueError(
        path,
        'JSON has no undefined here; leave the value out or store null',
      );
    case 'bigint':
      throw new SessionValueError(path, 'JSON has no BigInt; store it as a string');
    default:
      throw new SessionValueError(path, `a ${typeof value} cannot be stored`);
  }
}

function checkObject(value: object, path: string, parents: object[], isStrict: boolean): void {
  if (parents.includes(value)) {
    throw new SessionValueError(path, 'the value contains itself; JSON has no cycles');
  }
  if (parents.length >= MAX_DEPTH) {
    throw new SessionValueError(path, `nested deeper than ${MAX_DEPTH} levels`);
  }
  parents.push(value);
  if (Array.isArray(value)) {
    checkList(value, path);
    for (let index = 0; index < value.length; index++) {
      check(value[index], `${path}[${index}]`, parents, isStrict);
    }
  } else {
    checkPlain(value, path);
    for (const key of Object.keys(value)) {
      if (key === '__proto__') {
        throw new SessionValueError(`${path}.${key}`, 'this key is refused; leave it out');
      }
      const item = (value as Record<string, unknown>)[key];
      if (item !== undefined || isStrict) check(item, `${path}.${key}`, parents, isStrict);
    }
  }
  parents.pop();
}

function checkPlain(value: object, path: string): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && !isForeignPlain(prototype)) {
    const name = value.constructor?.name || 'class';
    throw new SessionValueError(
      path,
      `a ${name} would not come back as one; store plain data, such as ${remedyFor(value)}`,
    );
  }
  if (Reflect.ownKeys(value).length > Object.keys(value).length) {
    throw new SessionValueError(
      path,
      'JSON drops symbol keys and non-enumerable properties; remove them',
    );
  }
}

function checkList(value: unknown[], path: string): void {
  // `length` is the one property that an array has besides its items.
  if (Reflect.ownKeys(value).length > value.length + 1 || value.constructor?.name !== 'Array') {
    throw new SessionValueError(
      path,
      'JSON keeps only the items of a plain array; store [...array]',
    );
  }
}

/**
 * Whether a prototype is `Object.prototype` of another realm, such as a test runner's or a `vm`
 * context's.
 */
function isForeignPlain(prototype: unknown): boolean {
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
  );
}

function remedyFor(value: object): string {
  if (value instanceof Date) return 'date.toISOString()';
  if (value instanceof Map) return 'Object.fromEntries(map)';
  if (value instanceof Set) return '[...set]';
  return '{ ...value }';
}
