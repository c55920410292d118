const MAX_LENGTH = 40;

/** The name in the form, which has the same rules; `problem`: what its page says beside the field. */
export function checkUserName(value: unknown): { name: string; problem?: string } {
  const name = typeof value === 'string' ? value.trim() : '';
  if (name !== '' && name.length <= MAX_LENGTH) return { name };
  return { name, problem: `Give a name of 1 to ${MAX_LENGTH} characters.` };
}
