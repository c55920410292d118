import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const ENTRIES = [
  'index',
  'testing',
  'terminus',
  'inspector',
  'postgres',
  'sqlite',
  'redis',
  'express-session',
  'passport',
].map((name) => `${dist}/${name}.d.ts`);

/** What the editor shows for a symbol, without its type. */
type Hover = readonly [name: string, text: string];

/** Each public name and its members, as far as this package declares them. */
function hoversOf(program: ts.Program, entry: string): Hover[] {
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  const textOf = (symbol: ts.Symbol): string =>
    ts.displayPartsToString(symbol.getDocumentationComment(checker));
  return checker.getExportsOfModule(module).flatMap((exported): Hover[] => {
    const aliased = exported.flags & ts.SymbolFlags.Alias;
    const symbol = aliased ? checker.getAliasedSymbol(exported) : exported;
    const members = checker.getDeclaredTypeOfSymbol(symbol).getProperties().filter(isPublic);
    return [
      [exported.name, textOf(symbol)],
      ...members.map((member): Hover => [`${exported.name}.${member.name}`, textOf(member)]),
    ];
  });
}

function isPublic({ name, declarations = [] }: ts.Symbol): boolean {
  const isOwn = declarations.some((declaration) => {
    const isHidden =
      ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.NonPublicAccessibilityModifier;
    return declaration.getSourceFile().fileName.startsWith(dist) && !isHidden;
  });
  return isOwn && !/^(__|#)/.test(name);
}

describe('the hover texts of the public types', () => {
  let hovers: Hover[];

  beforeAll(() => {
    const module = ts.ModuleKind.NodeNext;
    const program = ts.createProgram(ENTRIES, { module, strict: true, skipLibCheck: true });
    hovers = ENTRIES.flatMap((entry) => hoversOf(program, entry));
  });

  it('are there for every name and member', () => {
    expect(hovers.length).toBeGreaterThan(150);
    expect(hovers.filter(([, text]) => text === '').map(([name]) => name)).toEqual([]);
  });

  it('say it themselves instead of naming another place', () => {
    expect(hovers.filter(([, text]) => /^(The same\b|See `[^`]*`\.?$)/.test(text))).toEqual([]);
  });
});
