import fc from 'fast-check';

/**
 * Decisions drawn from bytes, so that a large structure costs fast-check only a list of numbers
 * to make and to shrink. Where the bytes end, each decision is the first of its possibilities: order
 * these from the simplest to the strangest.
 */
export class Choices {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** From 0 to `limit - 1`. */
  below(limit: number): number {
    let value = 0;
    for (let range = 1; range < limit; range *= 256) value = value * 256 + this.byte();
    return value % limit;
  }

  of<T>(possibilities: readonly T[]): T {
    return possibilities[this.below(possibilities.length)]!;
  }

  /** In one of this number of cases. */
  oneIn(cases: number): boolean {
    return this.below(cases) === cases - 1;
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  private byte(): number {
    return this.bytes[this.at++] ?? 0;
  }
}

/** A value that `make` builds by choices from at most `most` bytes. */
export function chosen<T>(most: number, make: (choices: Choices) => T): fc.Arbitrary<T> {
  return fc
    .uint32Array({ maxLength: most / 4, size: 'max' })
    .map(({ buffer }) => make(new Choices(new Uint8Array(buffer))));
}
