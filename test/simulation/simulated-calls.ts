import { Exchange } from './exchange.js';

/** In place of `BoundedCalls`, which has real deadlines: here the schedule says which call is late. */
export class BoundedCalls {
  run<T>(call: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      call().then(resolve, reject);
      Exchange.last!.onDeadline = reject;
    });
  }
}
