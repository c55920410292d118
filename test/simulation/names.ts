/** What keys and ids are called in a schedule that is printed: the ids are others each time. */
export class Names {
  private readonly names = new Map<string, string>();

  of(secret: string): string {
    const [, key = secret, suffix = ''] = /^(.*?)(\.copy|\.moved|\.ended)?$/s.exec(secret) ?? [];
    let name = this.names.get(key);
    if (name === undefined) {
      name = `${key.startsWith('sess:') ? 'record' : 'id'} ${this.names.size + 1}`;
      this.names.set(key, name);
    }
    return name + suffix;
  }

  give(secret: string, name: string): void {
    this.names.set(secret, name);
  }
}
