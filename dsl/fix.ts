/** Fixes hyperparameters of a program for good, which gives a shorter program. */
import { requireWithin } from "./domain.ts";
import { GradusError, quoted, shown } from "./errors.ts";
import { suggestedName } from "./other_names.ts";
import { statesRead } from "./graph.ts";
import { constant, foldNodes, type Node, symbol, symbolsIn, ZERO } from "./node.ts";
import { printExpression, printHyper, printProgram, printState, printStatements } from "./print.ts";
import { type Document, mapState, type Program, type Statement } from "./program.ts";
import { parseProgram } from "./check.ts";
import { isRecord } from "./record.ts";
import { settle, simplified } from "./simplify.ts";

/** Name and notes of a program with fixed hyperparameters; what you leave out stays as it was. */
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
  notes: FixedNotes,
  values: Readonly<Record<string, number | boolean>>,
): Program {
  for (const given of [notes, values, notes?.defaults ?? {}]) {
    if (isRecord(given)) continue;
    throw new GradusError(
      `Cannot fix a part of optimizer "${program.name}": its notes and values must be objects: given ` +
        shown(given),
    );
  }
  const { name, doc = program.doc, source = program.source, defaults = {} } = notes;
  const known = new Map<string, Node>();
  for (const [key, value] of [...Object.entries(values), ...Object.entries(defaults)]) {
    const fallback = program.hyper.get(key);
    const isFitting = (typeof fallback === "boolean") === (typeof value === "boolean");
    if (fallback === undefined || !isFitting) {
      const near = fallback === undefined ? suggestedName(key, program.hyper.keys()) : "";
      throw new GradusError(
        `Cannot fix ${
          quoted(key)
        } of optimizer "${program.name}": it must be a hyperparameter, and ` +
          `its value of its kind: given ${shown(value)}${near}`,
      );
    }
    const domain = program.domains.get(key);
    if (domain !== undefined) {
      requireWithin(domain, value, key, `Cannot fix a part of optimizer "${program.name}"`);
    }
    if (key in values) known.set(key, value === 0 ? ZERO : constant(Number(value)));
  }
  const document = printProgram(program);
  const assemble = (kept: ReadonlySet<string>): Program => {
    const { statements, at } = reached(program.statements, known, kept);
    return parseProgram({
      ...document,
      name,
      doc,
      source,
      hyper: printHyper({
        ...program,
        hyper: new Map(
          [...program.hyper].filter(([key]) => !known.has(key))
            .map(([key, value]) => [key, defaults[key] ?? value]),
        ),
      }),
      state: Object.fromEntries(
        [...program.state].filter(([key]) => kept.has(key)).map(([key, state]) => [
          key,
          printState(mapState(state, (node) => settle(at(node)))),
        ]),
      ),
      step: printStatements(needed(statements, kept)),
      evaluate: printExpression(settle(at(program.evaluate))),
    } as Document);
  };
  const all = new Set(program.state.keys());
  const whole = assemble(all);
  const ever = statesRead(program);
  const read = statesRead(whole);
  const kept = [...all].filter((key) => read.has(key) || !ever.has(key));
  return kept.length === all.size ? whole : assemble(new Set(kept));
}

/** Statements with what is `fixed` taken in, and a function that does so with an expression. */
function reached(
  given: readonly Statement[],
  fixed: ReadonlyMap<string, Node>,
  states: ReadonlySet<string>,
): { statements: Statement[]; at: (root: Node) => Node } {
  const within = (known: ReadonlyMap<string, Node>) => (root: Node): Node =>
    foldNodes<Node>([root], (node, src) => {
      if (node.op === "Symbol") return known.get(node.arg as string) ?? node;
      // What no fixed value reaches stays as it was written.
      return src.every((operand, i) => operand === node.src[i]) ? node : simplified(node, src);
    }).get(root)!;
  const known = new Map(fixed);
  const statements: Statement[] = [];
  given.forEach(({ target, value: before }, i) => {
    const value = within(known)(before);
    if (value !== before && value === symbol(target)) return;
    const isSet = ({ arg }: Node) => given.slice(i + 1).some(({ target }) => target === arg);
    // What is left of a local may be no more than a number or another name.
    const isPlain = value.src.length === 0 && !(value.op === "Symbol" && isSet(value));
    const isLocal = target !== "u" && !states.has(target);
    if (isLocal && isPlain && value !== before) known.set(target, value);
    else {
      known.delete(target);
      statements.push({ target, value: settle(value) });
    }
  });
  return { statements, at: within(fixed) };
}

/** The statements that `u` or a state needs in the end. */
function needed(statements: readonly Statement[], states: ReadonlySet<string>): Statement[] {
  const kept: Statement[] = [];
  const wanted = new Set(["u", ...states]);
  for (const statement of statements.toReversed()) {
    if (!wanted.delete(statement.target)) continue;
    kept.unshift(statement);
    symbolsIn([statement.value]).forEach((name) => wanted.add(name));
  }
  return kept;
}
