/** Registered on the global object, for all copies of this package in a process. */
const COPIES = Symbol.for('nestjs-session-manager.copies.1');

/** The entry of this copy. */
const OWN = Symbol('copy');

type Copies = Map<symbol, string>;

/** Lets the other copies know that a `SessionModule` of this one is in use. */
export function tellCopy(): void {
  copies().set(OWN, placeOf(new Error().stack));
}

/** The folders of the copies whose `SessionModule` is in use, if that of this copy is not. */
function otherCopies(): string[] {
  return [...copies()].filter(([copy]) => copy !== OWN).map(([, place]) => place);
}

/** A hint to other copies for an error about a missing `SessionModule`. Empty if there are none. */
export function copiesHint(): string {
  const others = otherCopies();
  if (others.length === 0) return '';
  return (
    ` Or is it there already? This process has loaded this package more than once: a SessionModule is in ` +
    `use from ${others.join(' and ')}, and this is ${placeOf(new Error().stack)}. ${copiesRemedy()}`
  );
}

export function copiesRemedy(): string {
  return (
    'See `npm ls nestjs-session-manager` for who brings each copy, and let all of them use one: the same ' +
    'version everywhere, as a peerDependency in shared libraries, or an override.'
  );
}

function copies(): Copies {
  const holder = globalThis as { [COPIES]?: Copies };
  return (holder[COPIES] ??= new Map<symbol, string>());
}

/** The folder of the package, from a stack that begins in this file. */
function placeOf(stack = ''): string {
  const [, file] = /\(?((?:file:\/\/)?[^\s()]*package-copies\.[cm]?[jt]s)/.exec(stack) ?? [];
  return file?.replace(/^file:\/\//, '').replace(/\/(dist|src)\/.*$/, '') ?? 'an unknown folder';
}
