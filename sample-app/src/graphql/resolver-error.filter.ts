import { Catch, type ExceptionFilter } from '@nestjs/common';

/** Leaves errors to GraphQL; the filters of the application make pages of them. */
@Catch()
export class ResolverErrorFilter implements ExceptionFilter {
  catch(error: unknown): unknown {
    return error;
  }
}
