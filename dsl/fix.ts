/** Fixes hyperparameters of a program for good, which gives a shorter program. */
import { GradusError, quoted, shown, suggestion } from "./errors.ts";
import { elaborate, statesRead } from "./graph.ts";
import { constant, foldNodes, type Node, postorder, withSources, ZERO } from "./node.ts";
import type { Statement } from "./parse.ts";
import { printStatements } from "./print.ts";
import { type Document, parseProgram, printProgram, printState, type Program } from "./program.ts";
import { settle, simplified } from "./simplify.ts";

/** What a program with fixed hyperparameters is called; what is left out stays. */
export interface FixedNotes {
  /** An identifier. */
  readonly name: string;
  /** One or two sentences for a reader. */
  readonly doc?: string;
  /** The paper. */
  readonly source?: string;
  /** Other defaults of hyperparameters that stay. */
  readonly defaults?: Readonly<Record<string, number | boolean>>;
}

/**
 * `program` with some hyperparameters taken in as the numbers or truth values they are; 0 takes out
 * what it multiplies, and what nothing reads any more is left out.
 */
export function fix(
  program: Program,
  { name, doc = program.doc, source = program.source, defaults = {} }: FixedNotes,
  values: Readonly<Record<string, number | boolean>>,
): Program {
  const known = new Map<string, Node>();
  for (const [key, value] of [...Object.entries(values), ...Object.entries(defaults)]) {
    const fallback = program.hyper.get(key);
    const isFitting = (typeof fallback === "boolean") === (typeof value === "boolean");
    if (fallback === undefined || !isFitting) {
      const near = fallback === undefined ? suggestion(key, program.hyper.keys()) : "";
      throw new GradusError(
        `Cannot fix ${
          quoted(key)
        } of optimizer "${program.name}": it must be a hyperparameter, and ` +
          `its value of its kind: given ${shown(value)}${near}`,
      );
    }
    if (key in values) known.set(key, value === 0 ? ZERO : constant(Number(value)));
  }
  // What no fixed value reaches stays as it was written.
  const at = (root: Node): Node =>
    settle(
      foldNodes<Node>([root], (node, src) => {
        if (node.op === "Symbol") return known.get(node.arg as string) ?? node;
        return src.every((operand, i) => operand === node.src[i]) ? node : simplified(node, src);
      }).get(root)!,
    );
  const statements = program.statements.map((statement) => {
    const value = at(statement.value);
    return value === statement.value ? statement : { target: statement.target, value };
  });
  const document = printProgram(program);
  const assemble = (kept: ReadonlySet<string>): Program =>
    parseProgram({
      ...document,
      name,
      doc,
      source,
      hyper: Object.fromEntries(
        [...program.hyper].filter(([key]) => !known.has(key))
          .map(([key, value]) => [key, defaults[key] ?? value]),
      ),
      state: Object.fromEntries(
        [...program.state].filter(([key]) => kept.has(key)).map(([key, state]) => [
          key,
          printState({ ...state, init: at(state.init) }),
        ]),
      ),
      step: printStatements(
        needed(withoutCopies(statements, new Set(program.statements), kept), kept),
      ),
    } as Document);
  const all = new Set(program.state.keys());
  const whole = assemble(all);
  const ever = statesRead(program, elaborate(program));
  const read = statesRead(whole, elaborate(whole));
  const kept = [...all].filter((key) => read.has(key) || !ever.has(key));
  return kept.length === all.size ? whole : assemble(new Set(kept));
}

/**
 * `statements` without those that have come to name a value again, such as `m = d` where the momentum in
 * `m = d + momentum*m` is 0: what read the copy reads the value. Those of `written` stay.
 */
function withoutCopies(
  statements: readonly Statement[],
  written: ReadonlySet<Statement>,
  states: ReadonlySet<string>,
): Statement[] {
  const originals = new Map<string, Node>();
  return statements.flatMap((statement, i) => {
    const { target } = statement;
    const value = foldNodes<Node>(
      [statement.value],
      (node, src) =>
        node.op === "Symbol" ? originals.get(node.arg as string) ?? node : withSources(node, src),
    ).get(statement.value)!;
    const isCopy = value.op === "Symbol" && !written.has(statement) && target !== "u" &&
      !states.has(target) && !statements.slice(i + 1).some((later) => later.target === value.arg);
    if (isCopy) originals.set(target, value);
    else originals.delete(target);
    return isCopy ? [] : [{ target, value }];
  });
}

/** The statements that `u` or a state needs in the end. */
function needed(statements: readonly Statement[], states: ReadonlySet<string>): Statement[] {
  const kept: Statement[] = [];
  const wanted = new Set(["u", ...states]);
  for (const statement of statements.toReversed()) {
    if (!wanted.delete(statement.target)) continue;
    kept.unshift(statement);
    for (const { op, arg } of postorder([statement.value])) {
      if (op === "Symbol") wanted.add(arg as string);
    }
  }
  return kept;
}
