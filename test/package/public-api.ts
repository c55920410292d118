import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const built = fileURLToPath(new URL('../../dist/', import.meta.url));
const printer = ts.createPrinter({ removeComments: true });

/**
 * The declarations that a module of the built package exports, and those that they refer to within the
 * package, by name and without comments: what a change may break for others.
 */
export function publicApi(entry: string): string {
  const program = ts.createProgram([`${built}${entry}.d.ts`], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(`${built}${entry}.d.ts`)!)!;
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

  const exported = new Set(checker.getExportsOfModule(module).map(resolve));
  const seen = new Set<ts.Symbol>();
  const texts = new Map<string, ts.Symbol>();
  const add = (symbol: ts.Symbol): void => {
    const declarations = (symbol.declarations ?? []).filter(isOfPackage).map(statementOf);
    if (seen.has(symbol) || declarations.length === 0) return;

    seen.add(symbol);
    // By the text, as one statement may declare several names.
    texts.set([...new Set(declarations)].map(print).join('\n'), symbol);
    for (const declaration of declarations) visit(declaration);
  };
  const visit = (node: ts.Node): void => {
    // Nest calls the constructors, whose parameters are internal.
    if (isPrivate(node) || ts.isConstructorDeclaration(node)) return;
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const target = symbol && resolve(symbol);
      if (target?.declarations?.some(isTopLevel)) add(target);
    }
    ts.forEachChild(node, visit);
  };
  for (const symbol of exported) add(symbol);

  const title = (symbol: ts.Symbol): string =>
    exported.has(symbol) ? '' : '// not exported, but part of a declaration that is\n';
  return [...texts]
    .sort(([, one], [, other]) => (one.name < other.name ? -1 : 1))
    .map(([text, symbol]) => `${title(symbol)}${text}`)
    .join('\n\n');
}

function isOfPackage(node: ts.Node): boolean {
  return node.getSourceFile().fileName.startsWith(built) && isTopLevel(node);
}

function isTopLevel(node: ts.Node): boolean {
  return ts.isSourceFile(statementOf(node).parent) && !ts.isSourceFile(node);
}

/** A `const` is declared within a statement. */
function statementOf(node: ts.Node): ts.Node {
  return ts.isVariableDeclaration(node) ? node.parent.parent : node;
}

function isPrivate(node: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false;
}

function print(node: ts.Node): string {
  const file = node.getSourceFile();
  if (!ts.isClassDeclaration(node)) return printer.printNode(ts.EmitHint.Unspecified, node, file);
  const { modifiers, name, typeParameters, heritageClauses, members } = node;
  const open = ts.factory.updateClassDeclaration(
    ...([node, modifiers, name, typeParameters, heritageClauses] as const),
    members.filter((member) => !isPrivate(member)),
  );
  return printer.printNode(ts.EmitHint.Unspecified, open, file);
}
