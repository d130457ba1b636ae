/** Computes a step by the operations of an array library: a program bound to a tree, folded into calls. */
import { elaborate, type Graph, mapGraph, rootsOf, steppedBy } from "../dsl/graph.ts";
import { lowerFor } from "../dsl/lower.ts";
import { type ElementOpName, type Node, postorder } from "../dsl/node.ts";
import { elementRow } from "../dsl/ops.ts";
import type { Program } from "../dsl/program.ts";
import { substitute } from "../dsl/simplify.ts";
import { settleAxes } from "../runtime/plan/axes.ts";
import { Counts, powersByCounts } from "../runtime/plan/counts.ts";
import { type FormKey, formOf } from "../runtime/plan/forms.ts";
import { settledUpdate } from "../runtime/plan/plan.ts";
import { type ArrayLibrary, isNumber, type Operand } from "./library.ts";
import { type Calls, type FoldLeaf, listCalls } from "./steps.ts";

/** Leaves that are computed alike. */
export interface FoldKey extends FormKey {
  /** The states that its leaves keep. */
  readonly live: ReadonlySet<string>;
  /** What the program looks at of the leaves' shape. */
  readonly axes: readonly number[];
  /** What stands in the graph for a symbol, such as a schedule for a hyperparameter. Default: itself. */
  readonly bind?: (symbol: string) => Node | undefined;
}

/** What is folded. */
export interface Folded<A> {
  readonly library: ArrayLibrary<A>;
  readonly program: Program;
  readonly groups: readonly FoldKey[];
  readonly leaves: readonly FoldLeaf[];
  /**
   * Whether a symbol that changes once a step stands for a number that is known before it. Such numbers are
   * formed in float64 and rounded once; all others are arrays without axes.
   */
  readonly isNumber: (symbol: string) => boolean;
  /** What is made of the update. Default: the update, -0 where there is none. */
  readonly outcome?: (update: Node) => Node;
  readonly doing: string;
}

/** What a step is given. It takes over every array: each is dropped, or is a result. */
export interface FoldInputs<A> {
  /** By name (`w`, `g`, a state, an input), the array of each leaf. */
  readonly leaves: ReadonlyMap<string, readonly A[]>;
  /** The arrays without axes that are of the whole tree, by name: `count`, states, inputs, hyperparameters. */
  readonly tree: ReadonlyMap<string, A>;
  /** By group, the numbers that are known. */
  readonly numbers: readonly ReadonlyMap<string, number>[];
}

/** What a step makes. */
export interface FoldResults<A> {
  /** By leaf, what becomes of the parameter. */
  readonly updates: readonly A[];
  /** By state and by leaf, the next value; undefined of leaves that do not keep it. */
  readonly states: ReadonlyMap<string, readonly (A | undefined)[]>;
  /** The next number of each state that is one for the tree. */
  readonly treeStates: ReadonlyMap<string, Operand<A>>;
}

/** A step, ready to be computed as often as wanted. */
export class Fold<A> {
  readonly #library: ArrayLibrary<A>;
  readonly #calls: Calls<A>;
  readonly #leaves: number;

  constructor(folded: Folded<A>) {
    const { library, program, leaves, isNumber, doing, outcome = settledUpdate } = folded;
    const counts = countsBut(program, isNumber);
    const groups = folded.groups.map((key) => {
      const form = formOf(program, key);
      const settled = settleAxes(program, form, key.live, key.axes, key.structural);
      const graph = spelled(settled.graph, { ...key, library, counts, isNumber });
      return { program: settled.program, graph, live: key.live };
    });
    this.#library = library;
    this.#leaves = leaves.length;
    this.#calls = listCalls({ library, groups, leaves, outcome, isNumber, doing });
  }

  /** The names of what it reads of each leaf. */
  get reads(): ReadonlySet<string> {
    const given = [...this.#calls.given.values()];
    return new Set(given.flatMap(({ kind, name }) => kind === "leaf" ? [name] : []));
  }

  /** Computes a step. */
  run(inputs: FoldInputs<A>): FoldResults<A> {
    const { places, given, constants, calls, uses, updates, states, treeStates } = this.#calls;
    const library = this.#library;
    const values = new Array<Operand<A> | undefined>(places);
    const left = [...uses];
    for (const [place, value] of constants) values[place] = value;
    const taken = { leaf: new Set<string>(), tree: new Set<string>() };
    for (const [place, { kind, name, at }] of given) {
      if (kind === "number") values[place] = inputs.numbers[at].get(name)!;
      else {
        taken[kind].add(`${at} ${name}`);
        values[place] = kind === "leaf" ? inputs.leaves.get(name)![at] : inputs.tree.get(name)!;
      }
    }
    for (const [name, arrays] of inputs.leaves) {
      arrays.forEach((array, at) => taken.leaf.has(`${at} ${name}`) || library.drop(array));
    }
    for (const [name, array] of inputs.tree) {
      if (!taken.tree.has(`0 ${name}`)) library.drop(array);
    }
    const use = (place: number): void => {
      const value = values[place]!;
      if (--left[place] > 0 || isNumber(value)) return;
      values[place] = undefined;
      library.drop(value);
    };
    for (const place of given.keys()) if (left[place] === 0) left[place]++, use(place);
    try {
      for (const { operands, into, make } of calls) {
        values[into] = make(...operands.map((place) => values[place]!));
        operands.forEach(use);
        if (left[into] === 0) left[into]++, use(into);
      }
    } catch (error) {
      for (const value of values) if (value !== undefined && !isNumber(value)) library.drop(value);
      throw error;
    }
    // What is several results is as many arrays.
    const take = (place: number): Operand<A> => {
      const value = values[place]!;
      return --left[place] > 0 && !isNumber(value) ? library.keep(value) : value;
    };
    return {
      updates: updates.map((place) => take(place) as A),
      states: new Map(
        [...states].map(([name, of]) => [
          name,
          Array.from({ length: this.#leaves }, (_, leaf) => {
            const place = of.get(leaf);
            return place === undefined ? undefined : take(place) as A;
          }),
        ]),
      ),
      treeStates: new Map([...treeStates].map(([name, place]) => [name, take(place)])),
    };
  }
}

/** `graph` in ops that the library spells, with powers by counts as float32 forms them. */
function spelled<A>(
  graph: Graph,
  { library, counts, isNumber, bind }: Pick<Folded<A>, "library" | "isNumber"> & {
    readonly counts: Counts;
    readonly bind?: FoldKey["bind"];
  },
): Graph {
  const isKnown = (node: Node) =>
    postorder([node]).every(({ op, arg }) =>
      op === "Symbol" ? isNumber(arg as string) : op === "Const" || elementRow(op) !== undefined
    );
  const bound = bind === undefined ? graph : mapGraph(graph, substitute(rootsOf(graph), bind));
  const formed = mapGraph(bound, powersByCounts(rootsOf(bound), counts, isKnown));
  const speller = {
    name: library.name,
    spells: (op: ElementOpName) => library.element[op] !== null,
    leaves: isKnown,
  };
  return mapGraph(formed, lowerFor(rootsOf(formed), speller));
}

/** What counts steps and is no number that is known before one. */
function countsBut(given: Program, isNumber: (symbol: string) => boolean): Counts {
  const program = steppedBy(given);
  const states = [...elaborate(program).states].filter(([name]) =>
    program.state.get(name)!.over === "tree" && !isNumber(name)
  );
  return Counts.among(new Map(states), program, isNumber("count") ? [] : ["count"]);
}
