import { readdir, readFile } from 'node:fs/promises';

const root = new URL('../../', import.meta.url);

/** README and the pages of `docs/`, by their paths; not those that are made from the code's comments. */
export async function documentPaths(): Promise<string[]> {
  const names = await readdir(new URL('docs/', root), { recursive: true });
  const pages = names.filter((name) => /^(?!\.|reference\/(?!errors))[^]*\.md$/.test(name));
  return ['README.md', ...pages.map((name) => `docs/${name}`).sort()];
}

export function textOf(path: string): Promise<string> {
  return readFile(new URL(path, root), 'utf8');
}

/** An example of README or docs, as written: the code that follows `<!-- example: name -->`. */
export async function readmeExample(name: string): Promise<string> {
  const texts = await Promise.all((await documentPaths()).map(textOf));
  return exampleIn(texts.join('\n'), name);
}

/** An example of a page in `docs/guides`, as written. */
export async function guideExample(page: string, name: string): Promise<string> {
  return exampleIn(await textOf(`docs/guides/${page}.md`), name);
}

/** An example of a page in `docs/stores`, as written. */
export async function storeExample(page: string, name: string): Promise<string> {
  return exampleIn(await textOf(`docs/stores/${page}.md`), name);
}

function exampleIn(text: string, name: string): string {
  const marked = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`(?:[jt]s|json)\\n([^]*?)\`\`\``);
  const [, code] = marked.exec(text) ?? [];
  if (!code) throw new Error(`README and docs have no example ${name}`);
  return code;
}

/** The quick start in a new application. */
export async function quickStart(): Promise<Record<string, string>> {
  return {
    'account.module.ts': await readmeExample('quick-start'),
    'main.ts': `
import { NestFactory } from '@nestjs/core';
import { AccountModule } from './account.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AccountModule);
  await app.listen(process.env.PORT ?? 3000);
}
void bootstrap();
`,
  };
}
