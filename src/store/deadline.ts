/** Milliseconds that one operation of a store may take. */
export const DEFAULT_OPERATION_TIMEOUT = 500;

/** Rejects if the operation takes longer. The operation itself cannot be called back. */
export async function within<T>(milliseconds: number, operation: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([operation, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
