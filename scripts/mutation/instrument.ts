/** Puts every mutation of a file into it, each behind a switch of its own. */
import ts from "typescript";
import { type Mutation, mutationsOf } from "./mutations.ts";

/** A mutation, and where it is. */
export interface Mutant {
  readonly id: number;
  readonly file: string;
  readonly line: number;
  readonly original: string;
  readonly replacement: string;
}

/** An instrumented file. */
export interface Instrumented {
  readonly source: string;
  readonly mutants: readonly Mutant[];
}

/**
 * Instruments a file: `a < b` becomes `(__m(7) ? (a) <= (b) : a < b)`, so that one run of the tests can try one mutant
 * after the other without anything being compiled again.
 *
 * @param resolve Where a relative specifier leads: the file is run from another place.
 */
export function instrument(
  file: string,
  source: string,
  firstId: number,
  resolve: (specifier: string) => string,
): Instrumented {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];
  const byNode = new Map<ts.Node, Mutation[]>();
  const collect = (node: ts.Node): void => {
    if (isUntouched(node)) return;
    for (const mutation of mutationsOf(node, tree)) {
      byNode.set(mutation.node, [...byNode.get(mutation.node) ?? [], mutation]);
    }
    ts.forEachChild(node, collect);
  };
  collect(tree);

  const switched = (node: ts.Node): readonly (readonly [number, string])[] =>
    (byNode.get(node) ?? []).map(({ replacement }) => {
      const id = firstId + mutants.length;
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
      mutants.push({ id, file, line: line + 1, original: node.getText(tree), replacement });
      return [id, replacement];
    });

  const render = (node: ts.Node): string => {
    const own = switched(node);
    let text = "";
    let at = node.getStart(tree);
    ts.forEachChild(node, (child) => {
      if (child.getStart(tree) < at) return;
      text += source.slice(at, child.getStart(tree));
      text += renderChild(child);
      at = child.end;
    });
    text += source.slice(at, node.end);
    if (own.length === 0) return text;
    if (ts.isStatement(node)) {
      // In braces, for an "else" that follows belongs to the "if" outside.
      return own.reduce((inner, [id]) => `{ if (!__m(${id})) { ${inner} } }`, text);
    }
    const cases = own.map(([id, replacement]) => `__m(${id}) ? (${replacement}) : `).join("");
    return `(${cases}(${text}))`;
  };
  const renderChild = (child: ts.Node): string => {
    if (isSpecifier(child)) return JSON.stringify(resolve(child.text));
    return isUntouched(child) ? verbatim(child) : render(child);
  };
  const verbatim = (node: ts.Node): string => {
    if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return node.getText(tree);
    const { moduleSpecifier } = node;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) {
      return node.getText(tree);
    }
    const before = source.slice(node.getStart(tree), moduleSpecifier.getStart(tree));
    return `${before}${JSON.stringify(resolve(moduleSpecifier.text))}${
      source.slice(moduleSpecifier.end, node.end)
    }`;
  };

  let text = "const __m = globalThis.__mutant;\n";
  let at = 0;
  for (const statement of tree.statements) {
    text += source.slice(at, statement.getStart(tree)) + renderChild(statement);
    at = statement.end;
  }
  return { source: text + source.slice(at), mutants };
}

/** Types, names and imports: nothing of them runs. */
function isUntouched(node: ts.Node): boolean {
  if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return true;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return true;
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  const { parent } = node;
  if (parent === undefined) return false;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return true;
  if (ts.isBindingElement(parent) && parent.propertyName === node) return true;
  return ts.isStringLiteral(node) && ts.isExpressionStatement(parent);
}

function isSpecifier(node: ts.Node): node is ts.StringLiteral {
  return ts.isStringLiteral(node) && node.parent !== undefined &&
    (ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent)) &&
    node.parent.moduleSpecifier === node;
}
