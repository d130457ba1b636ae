/** Genomes as programs of the language: pruned, so that they print, run and export like any other. */
import { apply, constant, type Node, replaceSymbols, symbol } from "../../dsl/node.ts";
import { isReserved } from "../../dsl/words.ts";
import { printStatements } from "../../dsl/print.ts";
import type { Program, Statement } from "../../dsl/program.ts";
import { parseProgram } from "../../dsl/check.ts";
import { RESERVED } from "../../dsl/scope.ts";
import { substitute } from "../../dsl/simplify.ts";
import { WIDTH } from "../programs/functions.ts";
import type { Genome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import { analyse, unpruned } from "./structure.ts";

/** What the program of a genome is called. */
export interface ProgramNotes {
  /** An identifier. Default `found`. */
  readonly name?: string;
  /** A sentence for a reader. */
  readonly doc?: string;
  /** Whether statements that do nothing are kept. Default false. */
  readonly redundant?: boolean;
}

/**
 * The program of a genome. `lr` becomes the hyperparameter `learningRate`; what the genome calls
 * `update` is subtracted from the parameter.
 *
 * @example
 * ```ts
 * import { ADAMW, parseGenome, programOf, space } from "@gradus/gradus/search";
 * import { printProgram } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const genome = parseGenome(space(), "x = sign(g)\nm = cos(g)\nupdate = mul(x, lr)");
 * assertEquals(printProgram(programOf(space(), genome)).step, "x = sign(g)\nupdate = x*learningRate\nu = -update");
 * ```
 */
export function programOf(space: Space, genome: Genome, notes: ProgramNotes = {}): Program {
  const { name = "found", doc, redundant = false } = notes;
  const pruned = analyse(space, genome);
  const { states, refs, constants, live, update } = redundant ? unpruned(space, pruned) : pruned;
  const names = namesOf(space, genome, new Set(states.map((i) => space.inputs[i])));
  const inputs = space.inputs.length;
  const nameOf = (ref: number): Node =>
    ref >= 0
      ? symbol(names[ref])
      : -1 - ref < inputs
      ? symbol(space.inputs[-1 - ref] === "lr" ? "learningRate" : space.inputs[-1 - ref])
      : constant(constants[-1 - ref - inputs]);
  const statements: Statement[] = live.map((i) => {
    const { expression, parameters } = space.functions[genome[i].call];
    const values = new Map(
      parameters.map(({ name }, k) => [name, nameOf(refs[i * WIDTH + k])]),
    );
    const value = redundant
      ? replaceSymbols(expression, values)
      : substitute([expression], (parameter) => values.get(parameter))(expression);
    return { target: names[i], value };
  });
  statements.push({ target: "u", value: apply("Neg", nameOf(update)) });
  return parseProgram({
    name,
    ...(doc === undefined ? {} : { doc }),
    hyper: { learningRate: "required" },
    state: Object.fromEntries(states.map((i) => [space.inputs[i], 0])),
    step: printStatements(statements),
  });
}

/**
 * What each statement's value is called. A name whose first meaning may not be assigned, or that means
 * something else in the language, is another variable's from there on.
 */
function namesOf(space: Space, genome: Genome, states: ReadonlySet<string>): string[] {
  const taken = new Set([
    ...genome.map(({ target }) => target),
    ...space.inputs,
    "u",
    "learningRate",
  ]);
  const renamed = new Map<string, string>();
  return genome.map(({ target }) => {
    const isTaken = isReserved(target) || RESERVED.has(target) ||
      ["w", "lr", "learningRate"].includes(target);
    if (states.has(target) || target === "g" || !isTaken) return target;
    let name = renamed.get(target);
    for (let number = 1; name === undefined; number++) {
      const candidate = `${target}${number}`;
      if (!taken.has(candidate)) name = candidate;
    }
    renamed.set(target, name);
    taken.add(name);
    return name;
  });
}
