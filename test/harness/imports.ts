/** What a source file imports and re-exports, read from its syntax. */
import ts from 'typescript';

export interface Import {
  readonly from: string;
  /** `import type`. A `type` inside the braces does not count: the import itself stays at run time. */
  readonly isTypeOnly: boolean;
}

const parse = (text: string): ts.SourceFile => ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest);

export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (node && ts.isStringLiteralLike(node)) found.push({ from: node.text, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node))
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(parse(text));
  return found;
}

/** Nothing but `export { name } from '…'`. */
export const onlyReExportsByName = (text: string): boolean =>
  parse(text).statements.every(
    (node) =>
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier !== undefined &&
      node.exportClause !== undefined &&
      ts.isNamedExports(node.exportClause),
  );
