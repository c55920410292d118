import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Observable } from 'rxjs';

import { TimelineRecorder } from './recorder.js';

/** The parts of a resolver's `info` argument that are shown. */
interface ResolveInfo {
  readonly fieldName: string;
  readonly operation: { readonly operation: string };
  readonly path: { readonly prev: object | undefined };
}

/** Its position among a resolver's arguments. */
const INFO = 3;

/** Reports GraphQL operations to the recorder, by kind and field. Both are names of the schema. */
@Injectable()
export class OperationInterceptor implements NestInterceptor {
  constructor(@Inject(TimelineRecorder) private readonly recorder: TimelineRecorder) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'graphql') return next.handle();
    const { fieldName, operation, path } = context.getArgByIndex<ResolveInfo>(INFO);
    // A field of a result is not an operation.
    if (path.prev) return next.handle();
    return this.recorder.operation(operation.operation, fieldName, () => next.handle());
  }
}
