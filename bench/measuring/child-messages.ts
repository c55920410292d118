import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The next message of a process that was forked with its error output in `log`. */
export function nextMessage<T>(child: ChildProcess, log: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(message as T);
    };
    const onExit = (): void => {
      child.off('message', onMessage);
      reject(new Error(`A server has ended: ${log()}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}

/** Lets a process end by itself, as its parent is gone, and waits for it. */
export async function letGo(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  await exited;
}
