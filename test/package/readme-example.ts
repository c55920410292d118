import { readFile } from 'node:fs/promises';

/** An example of the README, as written: the code that follows `<!-- example: name -->`. */
export function readmeExample(name: string): Promise<string> {
  return exampleIn('README.md', name);
}

/** An example of a page in `docs/guides`, as written. */
export function guideExample(page: string, name: string): Promise<string> {
  return exampleIn(`docs/guides/${page}.md`, name);
}

/** An example of a page in `docs/stores`, as written. */
export function storeExample(page: string, name: string): Promise<string> {
  return exampleIn(`docs/stores/${page}.md`, name);
}

async function exampleIn(path: string, name: string): Promise<string> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const marked = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`(?:[jt]s|json)\\n([^]*?)\`\`\``);
  const [, code] = marked.exec(text) ?? [];
  if (!code) throw new Error(`${path} has no example ${name}`);
  return code;
}
