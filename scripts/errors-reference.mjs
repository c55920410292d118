// The page docs/reference/errors.md, made from the comments of the codes in src/session/error-codes.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { root } from './install.mjs';

const INTRO = `# Errors

All errors extend \`SessionError\`, except two codes of guards. They have a stable \`code\` and a message that names the remedy. No message holds a session id; names of entries are escaped and shortened in it. The property \`help\` of an error, and the end of its message, link to its heading on this page.
`;

/** Each code with its comment, in the order of the source. */
export function errorCodes() {
  const file = join(root, 'src/session/error-codes.ts');
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const codes = source.statements.find(
    (one) => ts.isInterfaceDeclaration(one) && one.name.text === 'SessionErrorCodes',
  );
  return codes.members.map((member) => {
    const [comment] = ts.getJSDocCommentsAndTags(member);
    const tags = Object.fromEntries(
      (comment?.tags ?? []).map((tag) => [tag.tagName.text, flat(tag.comment)]),
    );
    return {
      code: member.name.text,
      className: member.type.literal.text,
      ...{ meaning: flat(comment?.comment), remedy: tags.remedy, answer: tags.answer },
    };
  });
}

export function errorsReference() {
  const parts = errorCodes().map(({ code, className, meaning, remedy, answer }) => {
    if (!meaning || !remedy) throw new Error(`the comment of ${code} lacks its meaning or @remedy`);
    const told = [`**Remedy:** ${remedy}`, answer, `Class \`${className}\`.`];
    return `## ${code}\n\n${meaning}\n\n${told.filter(Boolean).join(' ')}\n`;
  });
  return [INTRO, ...parts].join('\n');
}

function flat(comment) {
  return ts.getTextOfJSDocComment(comment)?.replace(/\s*\n\s*/g, ' ');
}
