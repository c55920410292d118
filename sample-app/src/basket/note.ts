const MAX_LENGTH = 80;

/** The note to the order, from a form; `problem`: what its page says beside the field. */
export function checkNote(value: unknown): { note: string; problem?: string } {
  const note = typeof value === 'string' ? value.trim() : '';
  if (note === '') return { note, problem: 'Write something first.' };
  if (note.length > MAX_LENGTH) {
    return { note, problem: `That is ${note.length} characters; ${MAX_LENGTH} at most.` };
  }
  return { note };
}
