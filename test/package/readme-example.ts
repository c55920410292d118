import { readFile } from 'node:fs/promises';

/** An example of the README, as written: the code that follows `<!-- example: name -->`. */
export async function readmeExample(name: string): Promise<string> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const marked = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`[jt]s\\n([^]*?)\`\`\``);
  const [, code] = marked.exec(readme) ?? [];
  if (!code) throw new Error(`the README has no example ${name}`);
  return code;
}
