/** What can be wrong with an expression or a statement, as text that takes its place. */
import ts from "typescript";

/** One change of one place. */
export interface Mutation {
  readonly node: ts.Node;
  /** What takes the node's place; `""` for a statement that is left out. */
  readonly replacement: string;
}

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
};

/** Finds the mutations of one node, its children's left out. */
export function mutationsOf(node: ts.Node, source: ts.SourceFile): Mutation[] {
  const text = (part: ts.Node) => part.getText(source);
  const to = (...replacements: string[]) =>
    replacements.map((replacement) => ({ node, replacement }));

  if (ts.isBinaryExpression(node)) {
    const operator = text(node.operatorToken);
    const [left, right] = [text(node.left), text(node.right)];
    if (operator === "??") return to(left, right);
    const others = OPERATORS[operator] ?? [];
    const swapped = others.map((other) => `(${left}) ${other} (${right})`);
    return ["&&", "||"].includes(operator) ? to(...swapped, left, right) : to(...swapped);
  }
  if (ts.isPrefixUnaryExpression(node)) {
    if (node.operator === ts.SyntaxKind.ExclamationToken) return to(text(node.operand));
    if (node.operator === ts.SyntaxKind.MinusToken) return to(text(node.operand));
    return [];
  }
  if (ts.isConditionalExpression(node)) {
    return to(text(node.whenTrue), text(node.whenFalse));
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return to("false");
  if (node.kind === ts.SyntaxKind.FalseKeyword) return to("true");
  if (ts.isNumericLiteral(node)) return to(`(${text(node)} + 1)`);
  if (ts.isStringLiteral(node)) {
    // A sentence is for people: tests hold to what it names, and not to its words.
    return node.text.includes(" ") ? [] : to(node.text === "" ? '"mutated"' : '""');
  }
  if (ts.isRegularExpressionLiteral(node)) return to(...withoutAnchors(node.text));
  if (ts.isArrayLiteralExpression(node)) {
    const elements = node.elements.map(text);
    const isList = node.elements.length > 1 && node.elements.every(ts.isStringLiteral);
    const shorter = isList
      ? elements.map((_, at) => `[${elements.filter((_, other) => other !== at).join(", ")}]`)
      : elements.length > 0
      ? ["[]"]
      : [];
    return to(...shorter);
  }
  if (isDroppable(node)) return to("");
  const condition = conditionOf(node);
  return condition === undefined ? [] : ["true", "false"].map((replacement) => ({
    node: condition,
    replacement,
  }));
}

function withoutAnchors(regex: string): string[] {
  const end = regex.lastIndexOf("/");
  const [body, flags] = [regex.slice(1, end), regex.slice(end)];
  return [
    ...(body.startsWith("^") ? [`/${body.slice(1)}${flags}`] : []),
    ...(/[^\\]\$$/.test(body) ? [`/${body.slice(0, -1)}${flags}`] : []),
  ];
}

/** A statement without which the code still runs. */
function isDroppable(node: ts.Node): boolean {
  if (ts.isThrowStatement(node) || ts.isReturnStatement(node)) {
    return ts.isBlock(node.parent) || ts.isIfStatement(node.parent);
  }
  if (ts.isContinueStatement(node) || ts.isBreakStatement(node)) {
    return !ts.isCaseOrDefaultClause(node.parent);
  }
  if (!ts.isExpressionStatement(node)) return false;
  const call = node.expression;
  return !(ts.isCallExpression(call) && call.expression.kind === ts.SyntaxKind.SuperKeyword);
}

/** An endless loop proves nothing but that it was never left, so those of loops stay as they are. */
function conditionOf(node: ts.Node): ts.Expression | undefined {
  return ts.isIfStatement(node) ? node.expression : undefined;
}
