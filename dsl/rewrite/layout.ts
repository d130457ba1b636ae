/** Writes a form as statements: which values get a name, and in which order they are computed. */
import { type Node, postorder, symbol, withSources } from "../node.ts";
import { isReserved } from "../words.ts";
import { printExpression, printHyper, printState, printStatements } from "../print.ts";
import type { Document, Program, Statement } from "../program.ts";
import { parseProgram } from "../check.ts";
import { RESERVED } from "../scope.ts";
import type { Form } from "./form.ts";

/** The program of a form. */
export function programOf(form: Form): Program {
  const { name, doc, source, state, inputs, evaluate } = form;
  return parseProgram({
    name,
    doc,
    source,
    hyper: printHyper(form),
    state: Object.fromEntries([...state].map(([key, value]) => [key, printState(value)])),
    inputs: Object.fromEntries(inputs),
    step: printStatements(statementsOf(form)),
    evaluate: printExpression(evaluate),
  } as Document);
}

/** A value that a statement computes; several names if it is the next value of several states. */
interface Cell {
  readonly node: Node;
  readonly target: string;
  readonly order: number;
}

/** A statement, and the value it computes in terms of old values alone. */
export interface LaidStatement extends Statement {
  readonly node: Node;
}

/**
 * Statements that compute the outputs of a form. A value gets a name of its own if it has one, or if it is
 * an output.
 */
export function statementsOf(form: Form): LaidStatement[] {
  const outputs = [...form.outputs].filter(([name, node]) => node !== symbol(name));
  const roots = outputs.map(([, node]) => node);
  // States whose next value gets a name of its own, and those whose old value does, because another
  // statement needs it when the state has changed, or before it may.
  const apart = new Set<string>();
  const saved = new Set<string>();
  for (;;) {
    const order = ordered(cellsOf(form, outputs, roots, apart, saved), form);
    if (Array.isArray(order)) return order;
    const { target, value } = order as Waiting;
    if (value.node.src.length > 0 && !apart.has(target)) apart.add(target);
    else saved.add(target);
  }
}

function cellsOf(
  form: Form,
  outputs: readonly (readonly [string, Node])[],
  roots: readonly Node[],
  apart: ReadonlySet<string>,
  saved: ReadonlySet<string>,
): Cell[] {
  const taken = new Set([
    ...RESERVED.keys(),
    ...form.hyper.keys(),
    ...form.state.keys(),
    ...form.inputs.keys(),
  ]);
  const fresh = (wish: string): string => {
    const base = wish.replace(/_[0-9]+$/, "");
    let name = wish;
    for (let k = 2; taken.has(name) || isReserved(name); k++) name = `${base}_${k}`;
    taken.add(name);
    return name;
  };
  const cells: Cell[] = [];
  const named = new Set<Node>();
  for (const [target, node] of outputs) {
    if (node.src.length === 0 || named.has(node) || apart.has(target)) continue;
    named.add(node);
    cells.push({ node, target, order: 0 });
  }
  const isRoot = new Set(roots);
  for (const node of postorder(roots)) {
    if (named.has(node) || node.src.length === 0) continue;
    const wish = form.names.get(node);
    const isOutput = isRoot.has(node);
    if (wish === undefined && !isOutput) continue;
    named.add(node);
    cells.push({ node, target: fresh(wish ?? "x"), order: 0 });
  }
  const isDone = new Set(cells.map(({ target }) => target));
  // Locals come before what first needs them, outputs in the order they were in.
  const place = new Map(postorder(roots).map((node, i) => [node, i]));
  return [
    ...[...saved].map((name) => ({ node: symbol(name), target: fresh(name), order: -1 })),
    ...cells.map((cell) => ({ ...cell, order: place.get(cell.node)! })),
    ...outputs.filter(([target]) => !isDone.has(target))
      .map(([target, node]) => ({ target, node, order: Infinity })),
  ];
}

/** The statements of `cells` in an order in which each reads what it means, or a state that is stuck. */
function ordered(cells: readonly Cell[], form: Form): LaidStatement[] | Waiting {
  const targetOf = new Map<Node, string>();
  for (const { node, target, order } of cells) {
    const isNew = node.src.length > 0 || order < 0;
    if (isNew && !targetOf.has(node)) targetOf.set(node, target);
  }
  const waiting = [...cells].sort((a, b) => a.order - b.order)
    .map(({ node, target }): Waiting => ({ target, node, value: spell(node, target, targetOf) }));
  const statements: LaidStatement[] = [];
  const left = new Set(waiting.map(({ target }) => target));
  // The old value of a state must have been read by all before a new one takes its place.
  const readers = new Map<string, number>();
  const count = (name: string, by: number) => readers.set(name, (readers.get(name) ?? 0) + by);
  const others = ({ target, value }: Waiting) => [...value.old].filter((name) => name !== target);
  for (const each of waiting) for (const name of others(each)) count(name, 1);
  const isState = (name: string) => form.state.has(name);
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ target, value }) =>
      !(isState(target) && (readers.get(target) ?? 0) > 0) &&
      [...value.computed].every((name) => !left.has(name))
    );
    if (next < 0) return waiting.find(({ target }) => isState(target))!;
    const [each] = waiting.splice(next, 1);
    left.delete(each.target);
    for (const name of others(each)) count(name, -1);
    statements.push({ target: each.target, node: each.node, value: each.value.node });
  }
  return statements;
}

interface Waiting {
  readonly target: string;
  readonly node: Node;
  readonly value: Spelt;
}

interface Spelt {
  readonly node: Node;
  /** Names of computed values that it reads. */
  readonly computed: ReadonlySet<string>;
  /** Symbols it reads that are not computed before: old states, and what is given. */
  readonly old: ReadonlySet<string>;
}

function spell(root: Node, target: string, targets: ReadonlyMap<Node, string>): Spelt {
  const computed = new Set<string>();
  const old = new Set<string>();
  const isCell = (node: Node) =>
    targets.has(node) && (node !== root || targets.get(node) !== target);
  // Down to what is computed elsewhere, and no further.
  const made = new Map<Node, Node>();
  const stack = [root];
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = isCell(node) ? [] : node.src.filter((operand) => !made.has(operand));
    if (missing.length > 0 && !made.has(node)) {
      stack.push(...missing);
      continue;
    }
    stack.pop();
    if (made.has(node)) continue;
    if (isCell(node)) {
      computed.add(targets.get(node)!);
      made.set(node, symbol(targets.get(node)!));
      continue;
    }
    if (node.op === "Symbol") old.add(node.arg as string);
    made.set(node, withSources(node, node.src.map((operand) => made.get(operand)!)));
  }
  return { node: made.get(root)!, computed, old };
}
