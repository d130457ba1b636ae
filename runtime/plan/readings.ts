/** What can be told of a program before it meets arrays, worked out once for all its optimizers. */
import {
  elaborate,
  evaluated,
  type Graph,
  rootsOf,
  specialise,
  statesLeft,
  type Structural,
} from "../../dsl/graph.ts";
import { type Node, postorder, symbol, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { axesSeen } from "./axes.ts";
import { Memo, spellStructural } from "./memo.ts";
import { workedOut } from "./sizes.ts";

/** What a program looks at. */
export interface Reading {
  readonly parameter: boolean;
  /** What it looks at of a shape: see {@linkcode axesSeen}. */
  readonly axes: (shape: readonly number[]) => readonly number[];
  /** What it reads of a leaf's shape. */
  readonly shape: readonly string[];
  readonly states: ReadonlySet<string>;
  /** The hyperparameters that each state over the tree begins or goes on with, reductions apart. */
  readonly ofTree: ReadonlyMap<string, readonly string[]>;
}

/** The states that remain where some hyperparameters are structural. */
export interface Remaining {
  /** Those that what is known for good leaves. */
  readonly lasting: ReadonlySet<string>;
  /** Those of them that move even where what is 0 now stays so. */
  readonly moving: ReadonlySet<string>;
}

const readings = new Memo<Reading>();
const remaining = new Memo<Remaining>();

/** What `program` looks at. */
export function readingOf(program: Program): Reading {
  return readings.get(program, "", () => {
    const graph = elaborate(program);
    const read = new Set(postorder(rootsOf(graph)));
    const roots = [...rootsOf(graph), program.evaluate];
    const all = new Set(postorder([...roots, ...workedOut(program)]));
    return {
      parameter: read.has(symbol("w")),
      axes: axesSeen(program, roots),
      shape: [...SHAPE_SYMBOLS.keys()].filter((name) => all.has(symbol(name))),
      states: statesMentioned(program, graph, program.evaluate),
      ofTree: new Map(
        [...program.state].filter(([, { over }]) => over === "tree").map(([name, { init }]) => {
          const nodes = new Set(postorder([init, graph.states.get(name)!]));
          return [name, [...program.hyper.keys()].filter((hyper) => nodes.has(symbol(hyper)))];
        }),
      ),
    };
  });
}

/** The states that remain of `program` where `structural` is known and schedules may follow `clocks`. */
export function remainingOf(
  program: Program,
  structural: Structural,
  clocks: readonly string[],
): Remaining {
  return remaining.get(program, `${clocks} ${spellStructural(structural)}`, () => {
    const graph = elaborate(program);
    const known = evaluated(program, structural);
    if (structural.size === 0 && clocks.length === 0 && known === program.evaluate) {
      // Nothing is known, so all that is declared remains.
      const all = new Set(program.state.keys());
      return { lasting: all, moving: all };
    }
    const lasts = new Map([...structural].filter(([, value]) => value !== ZERO));
    const lasting = statesLeft(program, lasts, clocks);
    const mentioned = statesMentioned(program, specialise(graph, structural), known);
    for (const clock of clocks) mentioned.add(clock);
    const ever = readingOf(program).states;
    const moving = new Set([...lasting].filter((name) => mentioned.has(name) || !ever.has(name)));
    return { lasting, moving };
  });
}

/** The states whose old value something is made of; one that is only handed on as it was is not. */
function statesMentioned(program: Program, graph: Graph, evaluate: Node): Set<string> {
  const made = [graph.update, evaluate, ...graph.globals.map(({ node }) => node)];
  for (const [name, next] of graph.states) made.push(...partsOf(next, symbol(name)));
  const mentioned = new Set(postorder(made));
  return new Set([...program.state.keys()].filter((name) => mentioned.has(symbol(name))));
}

/** What a state's next value is made of, where it is not what it was: the conditions and the choices. */
function partsOf(next: Node, old: Node): Node[] {
  if (next === old) return [];
  if (next.op !== "Where") return [next];
  const [condition, ...choices] = next.src;
  return [condition, ...choices.flatMap((choice) => partsOf(choice, old))];
}
