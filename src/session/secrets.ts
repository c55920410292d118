import { SessionOptionsError } from './errors.js';

/** Longer than a typed password: a secret must be generated. */
const MIN_SECRET_LENGTH = 32;

/**
 * The option `secrets` as a list. Errors do not show secrets.
 *
 * @throws SessionOptionsError that names the first invalid one
 */
export function checkSecrets(option: string | readonly string[] | undefined): readonly string[] {
  if (option === undefined) return [];
  const secrets: unknown[] = [option].flat();
  if (secrets.length === 0) {
    throw new SessionOptionsError('secrets', 'give at least one, or leave the option out');
  }
  for (const [index, secret] of secrets.entries()) {
    if (typeof secret === 'string' && secret.length >= MIN_SECRET_LENGTH) continue;
    const which = Array.isArray(option) ? `secrets[${index}]` : 'secrets';
    throw new SessionOptionsError(
      which,
      `give a string of ${MIN_SECRET_LENGTH} characters or more, such as the output of \`openssl rand -base64 32\``,
    );
  }
  return secrets as string[];
}
