// Lets each function of the built package say that it is called.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const PACKAGE = new URL('../../dist/', import.meta.url).href;

export async function load(url, context, next) {
  if (!url.startsWith(PACKAGE)) return next(url, context);
  const file = url.slice(PACKAGE.length).replace(/\.js$/, '');
  const text = await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', shortCircuit: true, source: recorded(file, text) };
}

function recorded(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  /** Where to insert what, the last first. */
  const inserts = [];
  const visit = (node) => {
    const name = ts.isFunctionLike(node) && node.body && ts.isBlock(node.body) && nameOf(node);
    // A constructor may not do anything before `super()`.
    if (name && !ts.isConstructorDeclaration(node)) {
      const call = `recordCall(${JSON.stringify(file)},${JSON.stringify(name)});`;
      inserts.push({ at: node.body.getStart(source) + 1, call });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { at, call } of inserts.reverse()) text = text.slice(0, at) + call + text.slice(at);
  return text;
}

/** Functions without a name are part of those that they stand in. */
function nameOf(node) {
  const own = node.name?.getText();
  if (own === undefined) return undefined;
  const { parent } = node;
  return ts.isClassLike(parent) && parent.name ? `${parent.name.text}.${own}` : own;
}
