import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Observable } from 'rxjs';

import { TimelineRecorder } from './recorder.js';

/** What a resolver is told of its field, as far as it is shown. */
interface ResolveInfo {
  readonly fieldName: string;
  readonly operation: { readonly operation: string };
  readonly path: { readonly prev: object | undefined };
}

/** Where a resolver has it among its arguments. */
const INFO = 3;

/** Tells the recorder of GraphQL's operations: their kinds and fields, which are the schema's. */
@Injectable()
export class OperationInterceptor implements NestInterceptor {
  constructor(@Inject(TimelineRecorder) private readonly recorder: TimelineRecorder) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'graphql') return next.handle();
    const { fieldName, operation, path } = context.getArgByIndex<ResolveInfo>(INFO);
    // Fields of results are no operations.
    if (path.prev) return next.handle();
    return this.recorder.operation(operation.operation, fieldName, () => next.handle());
  }
}
