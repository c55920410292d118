/** What happened, in words. Written only for a schedule that is to be printed. */
export class Log {
  readonly lines: string[] = [];

  constructor(private readonly isOn: boolean) {}

  add(line: () => string): void {
    if (this.isOn) this.lines.push(line());
  }

  /** The answer to what the last line says needs no line of its own. */
  addAnswer(thread: string, asked: () => string): void {
    this.add(() => `${thread}: the answer to ${asked()}`);
    if (this.lines.at(-2)?.startsWith(`${thread}: ${asked()}`)) this.lines.pop();
  }
}
