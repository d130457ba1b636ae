/** Writes programs and nodes as text, with the fewest parentheses that read back as the same nodes. */
import { axisDocuments } from "./axes.ts";
import { COUNT, type Node, PARAMETER, symbol, withSources } from "./node.ts";
import type { Sizes } from "./matrix.ts";
import { elementRow, indexOp, LEVEL, matrixRow, randomRow, reduceRow, treeName } from "./ops.ts";
import type {
  Document,
  HyperDocument,
  Program,
  StateDeclaration,
  StateDocument,
  Statement,
} from "./program.ts";
import { type Repeat, withRepeats } from "./repeats.ts";

/**
 * The document of a program, such that `parseProgram(printProgram(p)) === p`.
 *
 * @example
 * ```ts
 * import { lion, printProgram } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printProgram(lion.program).state, { m: 0 });
 * ```
 */
export function printProgram(program: Program): Document {
  const { name, doc, source, state, inputs, statements, evaluate } = program;
  const sections = {
    name,
    doc,
    source,
    hyper: printHyper(program),
    state: Object.fromEntries([...state].map(([key, value]) => [key, printState(value)])),
    inputs: Object.fromEntries(inputs),
    step: printStatements(statements),
    evaluate: evaluate === PARAMETER ? "" : printExpression(evaluate),
  };
  const isEmpty = (section: object | string) => Object.keys(section).length === 0;
  const filled = Object.entries(sections).filter(([, section]) => !isEmpty(section));
  return Object.fromEntries(filled) as unknown as Document;
}

/** Hyperparameters as a document declares them. */
export function printHyper(
  { hyper, domains }: Pick<Program, "hyper" | "domains">,
): Record<string, HyperDocument> {
  return Object.fromEntries(
    [...hyper].map(([name, value]) => {
      const domain = domains.get(name);
      if (domain === undefined || typeof value === "boolean") return [name, value];
      return [name, { default: value, domain: domain.text }];
    }),
  );
}

/** A state as a document declares it. */
export function printState({ init, over, sizes }: StateDeclaration): StateDocument {
  const value = init.op === "Const" && Number.isFinite(init.arg) && !Object.is(init.arg, -0)
    ? init.arg as number
    : printExpression(init);
  if (over === "element") return value;
  if (sizes !== undefined) return { init: value, shape: printSizes(sizes) };
  if (over === "tensor" || over === "tree") return { init: value, over };
  const axes = axisDocuments(over);
  return { init: value, over: axes.length === 1 ? axes[0] : axes };
}

/** The rows and columns of a state as a document declares them. */
export function printSizes(sizes: Sizes<Node>): string {
  return sizes.map(printExpression).join(" x ");
}

/**
 * The text of an expression.
 *
 * @example
 * ```ts
 * import { printExpression } from "@gradus/gradus/derive";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printExpression(lion.program.statements[0].value), "b1*m + (1 - b1)*g");
 * ```
 */
export function printExpression(node: Node): string {
  return write(node).text;
}

/** The text of an expression as a message shows it: what lies deep in it is left out. */
export function sketchExpression(node: Node): string {
  const cut = (each: Node, depth: number): Node =>
    each.src.length === 0
      ? each
      : depth === 0
      ? symbol("…")
      : withSources(each, each.src.map((operand) => cut(operand, depth - 1)));
  return printExpression(cut(node, 3));
}

/** The text of statements, one a line; those that are repeated as a loop. */
export function printStatements(statements: readonly Statement[]): string {
  return withRepeats(statements).map((each) =>
    "body" in each ? printRepeat(each) : printStatement(each)
  ).join("\n");
}

function printStatement({ target, value }: Statement): string {
  return `${target} = ${printExpression(value)}`;
}

function printRepeat({ names, turns, body }: Repeat): string {
  const lines = body.map((statement) => `  ${printStatement(statement)}`);
  return [`repeat ${printTurns(names, turns)} {`, ...lines, "}"].join("\n");
}

/** How often a loop goes, or what its names are at each turn. */
function printTurns(names: readonly string[], turns: Repeat["turns"]): string {
  if (names.length === 0) return String(turns.length);
  const list = (items: readonly string[]) =>
    items.length === 1 ? items[0] : `(${items.join(", ")})`;
  const numbers = turns.map((turn) => list(turn.map((number) => writeNumber(number).text)));
  return `${list(names)} in ${numbers.join(", ")}`;
}

/** How strongly an expression is held together as it is written. */
export function levelOf(node: Node): number {
  if (node.op === "Const") return writeNumber(node.arg as number).level;
  const syntax = (elementRow(node.op) ?? matrixRow(node.op))?.syntax;
  if (syntax === undefined || "call" in syntax) return LEVEL.atom;
  return "prefix" in syntax ? LEVEL.unary : syntax.level;
}

interface Written {
  readonly text: string;
  readonly level: number;
}

function write(node: Node): Written {
  if (node.op === "Const") return writeNumber(node.arg as number);
  if (node.op === "Symbol") return { text: node.arg as string, level: LEVEL.atom };
  if (node.op === "Zero") return { text: "0", level: LEVEL.atom };
  if (node.op === "Index") {
    return { text: `${indexOp.call}(axis=${axisOfIndex(node)})`, level: LEVEL.atom };
  }
  const reduction = reduceRow(node.op);
  if (reduction !== undefined) {
    const operand = printExpression(node.src[0]);
    const over = node.arg as string;
    const name = over === "tree" ? treeName(reduction.call) : reduction.call;
    const axes = over === "tree" || over === "tensor" ? "" : `, axis=${writeAxes(over)}`;
    return { text: `${name}(${operand}${axes})`, level: LEVEL.atom };
  }
  const distribution = randomRow(node.op);
  if (distribution !== undefined) {
    const operands = randomOperands(node).map(printExpression).join(", ");
    return { text: `${distribution.call}(${operands})`, level: LEVEL.atom };
  }
  const every = everyOf(node);
  if (every !== undefined) {
    const { k, clock } = every;
    const operands = [k, ...node.src.slice(1), ...(clock === COUNT ? [] : [clock])];
    return { text: `every(${operands.map(printExpression).join(", ")})`, level: LEVEL.atom };
  }
  const { syntax } = (elementRow(node.op) ?? matrixRow(node.op))!;
  if ("call" in syntax) {
    const operands = node.src.map(printExpression).join(", ");
    return { text: `${syntax.call}(${operands})`, level: LEVEL.atom };
  }
  if ("prefix" in syntax) {
    const [operand] = node.src;
    // -(3) is an operation on 3; -3 is a number.
    const isPlain = operand.op === "Const" &&
      !writeNumber(operand.arg as number).text.startsWith("-");
    const text = isPlain ? `(${printExpression(operand)})` : enclose(write(operand), LEVEL.unary);
    return { text: `${syntax.prefix}${text}`, level: LEVEL.unary };
  }
  const [left, right] = node.src.map((operand, i) => enclose(write(operand), syntax.operands[i]));
  const tight = syntax.level === LEVEL.product || syntax.level === LEVEL.power;
  const gap = tight ? "" : " ";
  return { text: `${left}${gap}${syntax.infix}${gap}${right}`, level: syntax.level };
}

/** How often, and by what clock, a choice is made anew that `every` writes; undefined for any other. */
export function everyOf({ op, src }: Node): { readonly k: Node; readonly clock: Node } | undefined {
  const [condition] = src;
  if (op !== "Where" || condition.op !== "Equal") return undefined;
  const [clock, multiple] = condition.src;
  const [k, floor] = multiple.src;
  const isMultiple = multiple.op === "Mul" && floor.op === "Floor" && floor.src[0].op === "Div" &&
    floor.src[0].src[0] === clock && floor.src[0].src[1] === k;
  return isMultiple ? { k, clock } : undefined;
}

/** The operands of random numbers that are written: the counter is, unless it is `count`. */
export function randomOperands({ src: [seed, counter] }: Node): Node[] {
  return counter === COUNT ? [seed] : [seed, counter];
}

/** The axis of an index, as it is written. */
export function axisOfIndex({ arg }: Node): string {
  return (arg as string).split(" ")[0];
}

function writeNumber(value: number): Written {
  const text = Number.isNaN(value)
    ? "nan"
    : Object.is(value, -0)
    ? "-0"
    : String(value).replace("Infinity", "inf");
  return { text, level: text.startsWith("-") ? LEVEL.unary : LEVEL.atom };
}

function writeAxes(over: string): string {
  return over.includes(",") ? `(${over.replaceAll(",", ", ")})` : over;
}

function enclose({ text, level }: Written, required: number): string {
  return level < required ? `(${text})` : text;
}
