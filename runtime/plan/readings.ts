/** What can be told of a program before it meets arrays, worked out once for all its optimizers. */
import {
  elaborate,
  evaluated,
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
    const all = new Set(postorder(roots));
    return {
      parameter: read.has(symbol("w")),
      axes: axesSeen(program, roots),
      shape: [...SHAPE_SYMBOLS.keys()].filter((name) => all.has(symbol(name))),
      states: statesMentioned(program, roots),
      ofTree: new Map(
        [...program.state].filter(([, { over }]) => over === "tree").map(([name, { init }]) => {
          const nodes = new Set(postorder([init, graph.states.get(name)!]));
          return [name, [...program.hyper.keys()].filter((hyper) => nodes.has(symbol(hyper)))];
        }),
      ),
    };
  });
}

/** The states that remain of `program` where `structural` is known. */
export function remainingOf(program: Program, structural: Structural): Remaining {
  return remaining.get(program, spellStructural(structural), () => {
    const graph = elaborate(program);
    const lasts = new Map([...structural].filter(([, value]) => value !== ZERO));
    const lasting = statesLeft(program, lasts);
    const roots = [...rootsOf(specialise(graph, structural)), evaluated(program, structural)];
    const mentioned = statesMentioned(program, roots);
    const ever = readingOf(program).states;
    const moving = new Set([...lasting].filter((name) => mentioned.has(name) || !ever.has(name)));
    return { lasting, moving };
  });
}

function statesMentioned(program: Program, roots: readonly Node[]): Set<string> {
  const mentioned = new Set(postorder(roots));
  return new Set([...program.state.keys()].filter((name) => mentioned.has(symbol(name))));
}
