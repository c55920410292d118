// Writes `docs/reference/` from comments: those of the built declarations (options, members, events, types),
// and those of the errors' codes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { errorsReference } from './errors-reference.mjs';
import { root } from './install.mjs';

/** What is on each page: exports of an entry point of the package. */
const PAGES = [
  {
    file: 'options',
    title: 'Options, as the editor shows them',
    intro:
      'Of `SessionModule.forRoot()`. How they belong together is [a page of its own](../start/options.md).',
    names: {
      index: [
        ...['SessionModuleOptions', 'SessionCookieOptions', 'SessionHeaderOptions'],
        ...['RememberLimits', 'MemcachedOptions', 'SessionOptionsFactory', 'SessionModule'],
      ],
      inspector: ['SessionInspectorOptions'],
    },
  },
  {
    file: 'session',
    title: 'The session and its providers',
    intro: 'Members of the session, and what can be injected.',
    names: {
      index: [
        ...['Session', 'sessionOf', 'SessionAccess', 'SessionManager'],
        ...['UserSessions', 'SessionInfo'],
        ...['FreshSession', 'CrossSiteGuard', 'CrossSiteOptions', 'AllowCrossSite'],
      ],
    },
  },
  {
    file: 'stores',
    title: 'Stores and the contract',
    intro:
      'Which one to take, and how: [memcached](../stores/memcached.md) and the pages after it.',
    names: {
      index: ['memcachedStore', 'cacheStore', 'SessionStore', 'RecordHints', 'StoreDiagnosis'],
      redis: ['redisStore', 'RedisStoreOptions'],
      postgres: ['postgresStore', 'PostgresOptions', 'postgresMigration'],
      sqlite: ['sqliteStore', 'SqliteOptions'],
    },
  },
  {
    file: 'moving',
    title: 'For express-session and passport',
    intro:
      'How to use it: [moving from express-session](../moving/express-session.md), [moving passport](../moving/passport.md).',
    names: {
      'express-session': [
        ...['requestSession', 'RequestSessionOptions', 'RequestSessionMembers'],
        ...['expressSession', 'ExpressSessionOptions'],
      ],
      passport: ['PassportSessionModule', 'PassportSessionOptions'],
    },
  },
  {
    file: 'events',
    title: 'Events and counters',
    intro:
      'Each event is published on the channel `nestjs-session-manager:<name>` of `node:diagnostics_channel`. How to use them: [metrics, events and health](../guides/metrics.md).',
    names: {
      index: ['SessionEventPayloads', 'SessionIdentity', 'SessionMonitor', 'ServerReport'],
      terminus: ['SessionHealthIndicator'],
    },
  },
  {
    file: 'testing',
    title: 'The test kit',
    intro:
      'Of `nestjs-session-manager/testing`. How to use it: [testing your application](../guides/testing.md).',
    names: { testing: undefined },
  },
];

const WORDS = { throws: 'Throws', returns: 'Answers', param: 'Parameter' };

const entryOf = (name) => join(root, 'dist', `${name}.d.ts`);
const entries = [...new Set(PAGES.flatMap(({ names }) => Object.keys(names)))];
const program = ts.createProgram(entries.map(entryOf), {
  ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 },
  ...{ strict: true, skipLibCheck: true },
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

mkdirSync(join(root, 'docs/reference'), { recursive: true });
for (const { file, title, intro, names } of PAGES) {
  const parts = Object.entries(names).flatMap(([entry, wanted]) =>
    exportsOf(entry, wanted).map(part),
  );
  const text = [`# ${title}`, intro, ...parts].join('\n\n');
  writeFileSync(join(root, 'docs/reference', `${file}.md`), `${text}\n`);
}

writeFileSync(join(root, 'docs/reference/errors.md'), errorsReference());

function exportsOf(entry, wanted) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(entryOf(entry)));
  const all = checker.getExportsOfModule(module);
  const missing = wanted?.filter((name) => !all.some((symbol) => symbol.name === name)) ?? [];
  if (missing.length > 0) throw new Error(`${entry} does not export ${missing.join(', ')}`);
  const chosen = wanted ? wanted.map((name) => all.find((symbol) => symbol.name === name)) : all;
  return chosen.map((symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
}

function part(symbol) {
  const members = checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((member) => isPublic(member) && commentOf(member) !== '');
  const isFunction = symbol.declarations?.some(ts.isFunctionDeclaration);
  return [
    `## ${symbol.name}`,
    commentOf(symbol),
    ...(isFunction ? symbol.declarations.map(signature) : []),
    ...members.map(
      (member) =>
        `### ${headingOf(member)}\n\n${signature(member.declarations[0])}\n\n${commentOf(member)}`,
    ),
  ].join('\n\n');
}

function isPublic({ name, declarations = [] }) {
  const hidden = ts.ModifierFlags.NonPublicAccessibilityModifier;
  return (
    !/^(__|#)/.test(name) &&
    declarations.some(
      (one) =>
        one.getSourceFile().fileName.includes('/dist/') &&
        !(ts.getCombinedModifierFlags(one) & hidden),
    )
  );
}

function headingOf({ name, declarations: [declaration] }) {
  return ts.isMethodSignature(declaration) || ts.isMethodDeclaration(declaration)
    ? `${name}()`
    : name;
}

function signature(declaration) {
  const text = printer.printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile());
  return `\`\`\`ts-signature\n${text.replace(/^export declare /, '')}\n\`\`\``.replace(
    'ts-signature',
    'typescript',
  );
}

/** TypeScript takes a decorator at the beginning of a line of an example for a tag, and ends the text there. */
function proseOf(symbol) {
  const own = (symbol.declarations ?? []).flatMap((declaration) =>
    ts.getJSDocCommentsAndTags(declaration).filter(ts.isJSDoc).slice(-1),
  );
  if (own.length === 0) return ts.displayPartsToString(symbol.getDocumentationComment(checker));
  return [...new Set(own.map((comment) => textOf(comment.getText())))].join('\n\n');
}

function textOf(comment) {
  const lines = comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''));
  let isCode = false;
  const end = lines.findIndex((line) => {
    if (line.startsWith('```')) isCode = !isCode;
    return !isCode && /^\s*@[a-z]/.test(line);
  });
  return lines
    .slice(0, end === -1 ? undefined : end)
    .join('\n')
    .trim();
}

function commentOf(symbol) {
  const text = proseOf(symbol);
  const tags = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => ['throws', 'returns', 'param'].includes(name))
    .map(({ name, text: parts }) => `- **${WORDS[name]}:** ${ts.displayPartsToString(parts)}`);
  // Not for Vue: `<name>` in prose would be an element.
  const prose = text
    .split(/(```[^]*?```|`[^`]*`)/)
    .map((piece, index) =>
      index % 2 ? piece : piece.replaceAll('<', '&lt;').replaceAll('{{', '{ {'),
    );
  return [prose.join(''), tags.join('\n')].filter(Boolean).join('\n\n');
}
