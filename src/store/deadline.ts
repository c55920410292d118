/** Milliseconds that one operation of a store may take. */
export const DEFAULT_OPERATION_TIMEOUT = 500;

export class DeadlineError extends Error {}

/** Rejects with a `DeadlineError` if the operation takes longer. The operation itself cannot be called back. */
export function within<T>(milliseconds: number, operation: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DeadlineError(`no answer within ${milliseconds} ms`)),
      milliseconds,
    );
    operation.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
