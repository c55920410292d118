/** The chosen items of a comma-separated list; without a list, all of them. */
export function chosen<T extends string>(
  option: string,
  all: readonly T[],
  list?: string,
): readonly T[] {
  if (list === undefined) return all;
  const names = list.split(',');
  const unknown = names.find((name) => !all.includes(name as T));
  if (unknown !== undefined) {
    throw new Error(`--${option}: there is no '${unknown}', only ${all.join(', ')}`);
  }
  return all.filter((name) => names.includes(name));
}

export function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${option} takes a whole number from 1 on, not '${text}'`);
}

export function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${option} takes a number above 0, not '${text}'`);
}
