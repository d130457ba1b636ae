/** Joins programs into one: the `u` of each becomes the `g` of the next. */
import { LONGEST_NAME } from "./names.ts";
import { type Node, PARAMETER, replaceSymbols, symbol, symbolsIn } from "./node.ts";
import { printExpression, printProgram, printState, printStatements } from "./print.ts";
import {
  type Document,
  mapState,
  type Program,
  type StateDeclaration,
  type Statement,
} from "./program.ts";
import { parseProgram } from "./check.ts";
import { RESERVED } from "./scope.ts";

/** A program made of others, and under which names each one's symbols live in it. */
export interface Composition {
  readonly program: Program;
  readonly names: readonly ReadonlyMap<string, string>[];
}

/**
 * One program that does what `programs` do in turn. A name that an earlier one uses gets the first
 * free suffix `_2`, `_3`, …, which makes composition associative. Inputs of one name are one input.
 * The names of a program that has a label get it as a suffix.
 */
export function compose(
  programs: readonly Program[],
  labels: readonly (string | undefined)[] = [],
): Composition {
  const inputs = programs.flatMap((program) => [...program.inputs.keys()]);
  const used = new Set<string>([...RESERVED.keys(), ...inputs]);
  const names = programs.map((program, i) => freshNames(program, used, labels[i]));
  const statements = programs.flatMap((program, i): Statement[] => [
    ...(i === 0 ? [] : [{ target: "g", value: symbol("u") }]),
    ...program.statements.map(({ target, value }) => ({
      target: names[i].get(target) ?? target,
      value: rename(value, names[i]),
    })),
  ]);
  const documents = programs.map(printProgram);
  const gather = (section: "hyper" | "inputs") =>
    Object.fromEntries(
      documents.flatMap((document, i) =>
        Object.entries(document[section] ?? {}).map(([name, value]) => [names[i].get(name), value])
      ),
    );
  const state = programs.flatMap((program, i) =>
    [...program.state].map(([name, declaration]) => [
      names[i].get(name),
      printState(renameState(declaration, names[i])),
    ])
  );
  const notes = (key: "doc" | "source", glue: string) =>
    documents.map((document) => document[key] ?? "").filter(Boolean).join(glue);
  // Each evaluates what the one before it gives for the parameter.
  const evaluate = programs.reduce(
    (earlier, program, i) => evaluateOf(rename(program.evaluate, names[i]), earlier),
    PARAMETER,
  );
  const document = {
    name: documents.map(({ name }) => name).join("_"),
    doc: notes("doc", " Then: "),
    source: notes("source", "; "),
    hyper: gather("hyper"),
    state: Object.fromEntries(state),
    inputs: gather("inputs"),
    step: printStatements(statements),
    evaluate: printExpression(evaluate),
  } as Document;
  return { program: parseProgram(document), names };
}

/**
 * Names for the symbols of `program` that none of `used` has, and which are then added to those; each
 * with the suffix `label` if there is one.
 */
export function freshNames(
  program: Program,
  used: Set<string>,
  label?: string,
): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  for (const name of namesOf(program)) {
    renamed.set(name, fresh(label === undefined ? name : `${name}_${label}`, used));
  }
  renamed.forEach((name) => used.add(name));
  for (const name of program.inputs.keys()) renamed.set(name, name);
  return renamed;
}

/** The names a program gives to things of its own, in the order in which its statements use them. */
function namesOf(program: Program): Set<string> {
  const used = program.statements.flatMap(({ target, value }) => [
    ...symbolsIn([value]),
    target,
  ]);
  const names = new Set([...used, ...program.hyper.keys(), ...program.state.keys()]);
  for (const name of [...RESERVED.keys(), ...program.inputs.keys()]) names.delete(name);
  return names;
}

/** `node` with its symbols renamed. */
export function rename(node: Node, names: ReadonlyMap<string, string>): Node {
  return replaceSymbols(node, new Map([...names].map(([from, to]) => [from, symbol(to)])));
}

/** A state with the symbols of its beginning and of its sizes renamed. */
export function renameState(
  state: StateDeclaration,
  names: ReadonlyMap<string, string>,
): StateDeclaration {
  return mapState(state, (node) => rename(node, names));
}

/** `evaluate` of what another expression gives for the parameter. */
export function evaluateOf(evaluate: Node, parameter: Node): Node {
  return replaceSymbols(evaluate, new Map([["w", parameter]]));
}

// Taken names include those just given within the same program, so that `m, m_2` after `m` become
// `m_2, m_3` whichever way a chain was grouped.
function fresh(name: string, used: Set<string>): string {
  const base = name.replace(/_[0-9]+$/, "");
  let free = name;
  for (let k = 2; used.has(free); k++) {
    const suffix = `_${k}`;
    free = base.slice(0, LONGEST_NAME - suffix.length) + suffix;
  }
  used.add(free);
  return free;
}
