import { ForbiddenException } from '@nestjs/common';

/** The error of a guard: a 403 with the code in its body, and for GraphQL in `extensions`. */
export function refusal(code: string, message: string): ForbiddenException {
  const error = new ForbiddenException({ statusCode: 403, error: 'Forbidden', code, message });
  return Object.assign(error, { extensions: { code } });
}
