import type { SocketMessage } from './message.js';

/** The messages of an application that are being handled. */
export class MessagesUnderWay {
  private readonly messages = new Set<SocketMessage>();
  private onEnd: () => void = () => undefined;

  begin(message: SocketMessage): void {
    this.messages.add(message);
  }

  end(message: SocketMessage): void {
    this.messages.delete(message);
    this.onEnd();
  }

  /**
   * Resolves when the messages that use a session now have ended and their changes are stored, or after
   * `within` milliseconds. Returns how many have not ended.
   */
  async ended(within: number): Promise<number> {
    const left = [...this.messages].filter(({ current }) => current.isLoaded);
    const countLeft = () => left.filter((message) => this.messages.has(message)).length;
    if (left.length === 0) return 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, within);
      this.onEnd = () => {
        if (countLeft() > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
    return countLeft();
  }
}
