/** Too much waits for a server already; what was asked for was not begun. That says nothing of the server. */
export class OverloadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A server has not answered in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`);
  }
}
