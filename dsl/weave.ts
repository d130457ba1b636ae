/** Puts a program inside another: what a wrapper does before a step of it, and after. */
import { evaluateOf, freshNames, rename, renameState } from "./compose.ts";
import {
  apply,
  constant,
  foldNodes,
  type Node,
  PARAMETER,
  reduce,
  type ReduceOpName,
  replaceSymbols,
  symbol,
  withSources,
} from "./node.ts";
import { reduceOps, reduceRow } from "./ops.ts";
import { printExpression, printProgram, printState, printStatements } from "./print.ts";
import type { Document, Program, Statement } from "./program.ts";
import { parseProgram } from "./check.ts";

/**
 * A program with a hole: what it does with the gradient before, and with the update after. In what it
 * evaluates, `w` is what the inner program evaluates.
 */
export interface Wrapper extends Omit<Document, "step"> {
  /** Statements before the inner program's; may assign `g`. */
  readonly before?: string;
  /** Statements after them, which see its `u`. */
  readonly after?: string;
  /** A condition, by the name `before` gives it: where it fails, the inner states stay as they were. */
  readonly guard?: string;
  /** A condition, by the name `before` gives it: where it holds, the inner states begin anew after the step. */
  readonly reset?: string;
  /** The state over the tree that counts the inner program's steps. Default: `count`. */
  readonly clock?: string;
  /** A state that the inner program reads in the place of the parameter. Default: none. */
  readonly parameter?: string;
  /**
   * A truth hyperparameter: the inner program's reductions over the tree see only leaves where it holds, and
   * other leaves are evaluated as they are.
   */
  readonly select?: string;
}

/** A program made by a wrapper, and the names the inner one's symbols have in it. */
export interface Woven {
  readonly program: Program;
  readonly names: ReadonlyMap<string, string>;
}

/**
 * `inner` within `wrapper`. The inner program's names keep, or get a suffix: `label`'s, or the first that
 * is free where the wrapper has the name.
 */
export function weave(wrapper: Wrapper, inner: Program, label?: string): Woven {
  const { before = "", after = "", guard, reset, clock, parameter, select, ...document } = wrapper;
  const own = new Set([
    ...[document.hyper, document.state, document.inputs].flatMap((part) => Object.keys(part ?? {})),
    ...targetsOf(before),
    ...targetsOf(after),
  ]);
  const names = freshNames(inner, own, label);
  const assigned = [...inner.state.keys()].filter((name) =>
    inner.statements.some(({ target }) => target === name)
  );
  const kept = new Map(
    assigned.map((name) => [names.get(name)!, freshKept(names.get(name)!, own, names)]),
  );
  const placed = (node: Node): Node =>
    parameter === undefined ? node : replaceSymbols(node, new Map([["w", symbol(parameter)]]));
  const inside = (node: Node): Node =>
    restricted(clocked(placed(rename(node, names)), clock), select);
  const chosen = restricted(clockedAfter(rename(inner.evaluate, names), clock), select);
  const isWhole = select === undefined || chosen === PARAMETER;
  const evaluated = isWhole ? chosen : apply("Where", symbol(select), chosen, PARAMETER);
  const statements: Statement[] = [
    ...(guard === undefined ? [] : [...kept].map(([name, saved]) => ({
      target: saved,
      value: symbol(name),
    }))),
    ...inner.statements.map(({ target, value }) => ({
      target: names.get(target) ?? target,
      value: inside(value),
    })),
    ...(guard === undefined ? [] : [...kept].map(([name, saved]) => ({
      target: name,
      value: apply("Where", symbol(guard), symbol(name), symbol(saved)),
    }))),
    ...(reset === undefined ? [] : assigned.map((name) => ({
      target: names.get(name)!,
      value: apply(
        "Where",
        symbol(reset),
        rename(inner.state.get(name)!.init, names),
        symbol(names.get(name)!),
      ),
    }))),
  ];
  const given = printProgram(inner);
  const renamed = (part: "hyper" | "inputs") =>
    Object.fromEntries(
      Object.entries(given[part] ?? {}).map(([name, value]) => [names.get(name), value]),
    );
  const program = parseProgram({
    ...document,
    name: `${document.name}_${inner.name}`,
    doc: [document.doc ?? "", inner.doc].filter(Boolean).join(" Of: "),
    source: [document.source ?? "", inner.source].filter(Boolean).join("; "),
    hyper: { ...document.hyper, ...renamed("hyper") },
    state: {
      ...document.state,
      ...Object.fromEntries([...inner.state].map(([name, state]) => [
        names.get(name),
        printState(renameState(state, names)),
      ])),
    },
    inputs: { ...document.inputs, ...renamed("inputs") },
    step: [before, printStatements(statements), after].filter(Boolean).join("\n"),
  } as Document);
  if (evaluated === PARAMETER) return { program, names };
  const evaluate = printExpression(evaluateOf(program.evaluate, evaluated));
  return { program: parseProgram({ ...printProgram(program), evaluate }), names };
}

/** The names that a text assigns. */
function targetsOf(text: string): string[] {
  const lines = text.split("\n").map((line) => /^\s*(\w+)\s*=/.exec(line)?.[1]);
  return lines.filter((name) => name !== undefined);
}

function freshKept(
  name: string,
  own: ReadonlySet<string>,
  names: ReadonlyMap<string, string>,
): string {
  const taken = new Set([...own, ...names.values()]);
  let free = `${name}_kept`;
  while (taken.has(free)) free += "_kept";
  return free;
}

/** `node` by another clock than `count`. */
function clocked(node: Node, clock: string | undefined): Node {
  if (clock === undefined) return node;
  const ticks = new Map([
    ["count", symbol(clock)],
    ["t", apply("Add", symbol(clock), constant(1))],
  ]);
  return replaceSymbols(node, ticks);
}

/** What a step has left, by another clock than `count`: it has been counted there by then. */
function clockedAfter(node: Node, clock: string | undefined): Node {
  if (clock === undefined) return node;
  const ticks = new Map([
    ["count", apply("Sub", symbol(clock), constant(1))],
    ["t", symbol(clock)],
  ]);
  return replaceSymbols(node, ticks);
}

/** `node` with reductions over the tree that see only the leaves that are selected. */
function restricted(node: Node, select: string | undefined): Node {
  if (select === undefined) return node;
  const within = (op: ReduceOpName, operand: Node): Node =>
    reduce(
      op,
      apply("Where", symbol(select), operand, constant(reduceOps[op].start)),
      "tree",
    );
  return foldNodes<Node>([node], (each, src) => {
    if (reduceRow(each.op) === undefined || each.arg !== "tree") return withSources(each, src);
    if (each.op !== "ReduceMean") return within(each.op as ReduceOpName, src[0]);
    // x^0 is 1 for every x: it counts.
    const ones = apply("Pow", src[0], constant(0));
    return apply("Div", within("ReduceSum", src[0]), within("ReduceSum", ones));
  }).get(node)!;
}
