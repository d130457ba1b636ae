/** From the graphs of a program to a list of calls on whole arrays, each with the places of its operands. */
import { GradusError } from "../dsl/errors.ts";
import { globalsRead, globalSymbol, type Graph } from "../dsl/graph.ts";
import {
  type ElementOpName,
  type MatrixOpName,
  type Node,
  postorder,
  type RandomOpName,
  type ReduceOpName,
} from "../dsl/node.ts";
import { elementOps, elementRow, matrixRow, randomRow, reduceOps, reduceRow } from "../dsl/ops.ts";
import { sketchExpression } from "../dsl/print.ts";
import { settle } from "../dsl/simplify.ts";
import { type Extent, extentShape } from "../runtime/plan/extent.ts";
import { extentsOf, overExtent, type Planned } from "../runtime/plan/infer.ts";
import { requireExtent } from "../runtime/plan/plan.ts";
import { sameShape, sizeOf } from "../runtime/trees/leaf.ts";
import { type ArrayLibrary, isNumber, type Operand } from "./library.ts";
import { reduceAll, reduceAxes } from "./norm.ts";

/** Leaves that are computed alike: their graph, in ops that the library spells, and their states. */
export interface FoldGroup {
  /** The program with the axes of its states settled. */
  readonly program: Planned;
  readonly graph: Graph;
  /** The states that its leaves keep. */
  readonly live: ReadonlySet<string>;
}

/** A leaf of the tree. */
export interface FoldLeaf {
  /** The number of its group. */
  readonly group: number;
  readonly shape: readonly number[];
}

/**
 * A value that is given: an array of the leaf `at`, one of the tree, or a number of the group `at` that is
 * known before each step.
 */
export interface Given {
  readonly kind: "leaf" | "tree" | "number";
  readonly name: string;
  readonly at: number;
}

/** One call: what it makes of the values at some places, and the place it leaves that at. */
export interface Call<A> {
  readonly operands: readonly number[];
  readonly into: number;
  make(...operands: Operand<A>[]): Operand<A>;
}

/** Calls in the order in which they are made. */
export interface Calls<A> {
  /** The number of places. */
  readonly places: number;
  readonly given: ReadonlyMap<number, Given>;
  readonly constants: ReadonlyMap<number, number>;
  readonly calls: readonly Call<A>[];
  /** The places of the results: by leaf, of what becomes of a parameter and of each state; of the tree's states. */
  readonly updates: readonly number[];
  readonly states: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly treeStates: ReadonlyMap<string, number>;
  /** How often the value at each place is read or left as a result. */
  readonly uses: readonly number[];
}

/** What calls are listed for. */
export interface Listing<A> {
  readonly library: ArrayLibrary<A>;
  readonly groups: readonly FoldGroup[];
  readonly leaves: readonly FoldLeaf[];
  /** What becomes of the parameter by an update. */
  readonly outcome: (update: Node) => Node;
  /** Whether a symbol stands for a number that is known before each step, and may differ by group. */
  readonly isNumber: (symbol: string) => boolean;
  readonly doing: string;
}

/** The calls that compute a step. */
export function listCalls<A>(listing: Listing<A>): Calls<A> {
  return new Lister(listing).list();
}

type Roots = ReadonlyMap<string, Node>;

class Lister<A> {
  readonly #of: Listing<A>;
  readonly #extents: readonly ReadonlyMap<Node, Extent>[];
  readonly #places = new Map<string, number>();
  readonly #given = new Map<number, Given>();
  readonly #constants = new Map<number, number>();
  readonly #calls: Call<A>[] = [];
  readonly #uses: number[] = [];
  /** The places of numbers; all others are of arrays. */
  readonly #numbers = new Set<number>();
  /** By group: what becomes of the parameter, under `""`, and of the states that its leaves keep. */
  readonly #roots: readonly Roots[];
  readonly #treeRoots: Roots;

  constructor(listing: Listing<A>) {
    this.#of = listing;
    const { groups, leaves, outcome } = listing;
    this.#roots = groups.map(({ graph, program, live }) =>
      new Map([
        ["", outcome(graph.update)],
        ...[...graph.states]
          .filter(([name]) => live.has(name) && program.state.get(name)!.over !== "tree")
          .map(([name, node]) => [name, settle(node)] as const),
      ])
    );
    const [first] = groups;
    this.#treeRoots = new Map(
      [...first.graph.states]
        .filter(([name]) => first.program.state.get(name)!.over === "tree")
        .filter(([name]) => groups.some(({ live }) => live.has(name)))
        .map(([name, node]) => [name, settle(node)]),
    );
    const ranks = groups.map((_, i) => leaves.find(({ group }) => group === i)!.shape.length);
    this.#extents = groups.map(({ graph, program }, i) =>
      extentsOf(
        [
          ...this.#roots[i].values(),
          ...(i === 0 ? this.#treeRoots.values() : []),
          ...graph.globals.map(({ node }) => settle(node)),
        ],
        program,
        ranks[i],
      )
    );
  }

  list(): Calls<A> {
    const { groups, leaves } = this.#of;
    const needed = new Set(groups.flatMap((group, i) => [
      ...globalsRead({
        ...group.graph,
        update: this.#roots[i].get("")!,
        states: new Map([...this.#roots[i], ...this.#treeRoots]),
      }),
    ]));
    const { globals } = groups[0].graph;
    globals.forEach(({ op }, k) => {
      if (needed.has(k)) this.#reduceTree(op, k);
    });
    const results = leaves.map(({ group, shape }, leaf) =>
      new Map(
        [...this.#roots[group]].map(([name, root]) => {
          const { program } = groups[group];
          const state = program.state.get(name) ?? { over: "element" };
          const extent = overExtent(state, shape.length);
          requireExtent(program, name, root, this.#extents[group].get(root)!, extent);
          return [name, this.#spread(root, leaf, extentShape(extent, shape))] as const;
        }),
      )
    );
    const treeStates = new Map(
      [...this.#treeRoots].map(([name, root]) => [name, this.#place(root, 0)]),
    );
    const states = new Map<string, Map<number, number>>();
    results.forEach((of, leaf) => {
      for (const [name, place] of of) {
        if (name === "") continue;
        if (!states.has(name)) states.set(name, new Map());
        states.get(name)!.set(leaf, place);
      }
    });
    const updates = results.map((of) => of.get("")!);
    const left = [
      ...updates,
      ...[...states.values()].flatMap((of) => [...of.values()]),
      ...treeStates.values(),
    ];
    for (const place of left) this.#uses[place]++;
    return {
      places: this.#uses.length,
      given: this.#given,
      constants: this.#constants,
      calls: this.#calls,
      ...{ updates, states, treeStates },
      uses: this.#uses,
    };
  }

  #newPlace(): number {
    return this.#uses.push(0) - 1;
  }

  #constant(value: number): number {
    const place = this.#newPlace();
    this.#constants.set(place, value);
    this.#numbers.add(place);
    return place;
  }

  #call(operands: readonly number[], make: Call<A>["make"]): number {
    const into = this.#newPlace();
    this.#calls.push({ operands, into, make });
    for (const each of operands) this.#uses[each]++;
    return into;
  }

  #known(key: string, make: () => number): number {
    let place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, place = make());
    return place;
  }

  /** The place of a value of a leaf. */
  #place(root: Node, leaf: number): number {
    const { group } = this.#of.leaves[leaf];
    // What does not vary within a leaf is computed once for its group.
    const key = (node: Node) =>
      this.#extents[group].get(node) === "scalar"
        ? `group ${group} ${node.id}`
        : `leaf ${leaf} ${node.id}`;
    const known = this.#places.get(key(root));
    if (known !== undefined) return known;
    for (const node of postorder([root])) {
      this.#known(key(node), () => {
        const operands = node.src.map((operand) => {
          const place = this.#places.get(key(operand))!;
          return this.#isNarrow(operand, node, group) ? this.#once(place) : place;
        });
        return this.#make(node, operands, leaf);
      });
    }
    return this.#places.get(key(root))!;
  }

  /** Whether an element-wise op computes what another one made for fewer elements. */
  #isNarrow(operand: Node, node: Node, group: number): boolean {
    const extents = this.#extents[group];
    return elementRow(node.op) !== undefined && elementRow(operand.op) !== undefined &&
      extents.get(operand) !== extents.get(node);
  }

  /** The place of an array that is computed once. */
  #once(place: number): number {
    const { library: { once } } = this.#of;
    if (once === undefined || this.#numbers.has(place)) return place;
    return this.#known(`once ${place}`, () => this.#call([place], (x) => once(x as A)));
  }

  #make(node: Node, operands: readonly number[], leaf: number): number {
    if (node.op === "Const") return this.#constant(node.arg as number);
    if (node.op === "Zero") return this.#constant(0);
    if (node.op === "Symbol") return this.#symbol(node.arg as string, leaf);
    if (reduceRow(node.op) !== undefined) return this.#reduce(node, leaf);
    const { library, leaves, doing } = this.#of;
    const { shape, group } = leaves[leaf];
    const own = extentShape(this.#extents[group].get(node)!, shape);
    if (node.op === "Index") throw notSpelled(node, library.name, doing);
    if (randomRow(node.op) !== undefined) {
      const draw = library.random[node.op as RandomOpName];
      if (draw === null) throw notDrawn(node, library.name, doing);
      return this.#call(operands, (seed, counter) => draw(seed, counter, { leaf, shape: own }));
    }
    if (matrixRow(node.op) !== undefined) {
      const spell = library.matrix[node.op as MatrixOpName];
      if (spell === null) throw notSpelled(node, library.name, doing);
      const matrices = node.src.map((operand) =>
        this.#spread(operand, leaf, extentShape(this.#extents[group].get(operand)!, shape))
      );
      return this.#call(matrices, (...given) => spell(...given as A[]));
    }
    return this.#element(node.op as ElementOpName, operands);
  }

  #element(op: ElementOpName, operands: readonly number[]): number {
    const { library } = this.#of;
    const { eval: evaluate, takes } = elementOps[op];
    if (operands.every((place) => this.#numbers.has(place))) {
      const place = this.#call(operands, (...given) => evaluate(...given as number[]));
      this.#numbers.add(place);
      return place;
    }
    // What is made of numbers alone may have been left as it is; all else is lowered.
    const spell = library.element[op]!;
    return this.#call(operands, (...given) => {
      const truths: A[] = [];
      const entered = given.map((x, k) => {
        if (!isNumber(x)) return x;
        if (takes[k] === "number") return Math.fround(x);
        truths.push(library.truth(x !== 0));
        return truths.at(-1)!;
      });
      const made = spell(...entered);
      for (const each of truths) library.drop(each);
      return made;
    });
  }

  #symbol(name: string, leaf: number): number {
    const { group } = this.#of.leaves[leaf];
    const { program } = this.#of.groups[group];
    const over = program.state.get(name)?.over ?? "tree";
    const isOfLeaf = name === "w" || name === "g" || program.inputs.get(name) === "element" ||
      over !== "tree";
    const isNumber = !isOfLeaf && this.#of.isNumber(name);
    const given: Given = isOfLeaf
      ? { kind: "leaf", name, at: leaf }
      : isNumber
      ? { kind: "number", name, at: group }
      : { kind: "tree", name, at: 0 };
    return this.#known(keyOf(given), () => {
      const place = this.#newPlace();
      this.#given.set(place, given);
      if (isNumber) this.#numbers.add(place);
      return place;
    });
  }

  /** A value of a leaf as an array of `shape`. */
  #spread(root: Node, leaf: number, shape: readonly number[]): number {
    const { library, leaves } = this.#of;
    const place = this.#place(root, leaf);
    const { group, shape: whole } = leaves[leaf];
    const extent = this.#extents[group].get(root)!;
    const own = extent === "scalar" ? [] : extentShape(extent, whole);
    if (!this.#numbers.has(place) && sameShape(own, shape)) return place;
    return this.#known(`spread ${place} ${shape}`, () =>
      this.#call(
        [place],
        (x) => isNumber(x) ? library.full(x, shape) : library.spread(x, shape),
      ));
  }

  #reduce(node: Node, leaf: number): number {
    const { library, leaves } = this.#of;
    const { shape, group } = leaves[leaf];
    const [source] = node.src;
    const own = extentShape(this.#extents[group].get(source)!, shape);
    const axes = node.arg === "tensor"
      ? own.map((_, axis) => axis)
      : (node.arg as string).split(",").map(Number);
    const op = node.op as ReduceOpName;
    if (axes.some((axis) => own[axis] === 0)) {
      const kept = own.map((size, axis) => axes.includes(axis) ? 1 : size);
      return this.#call([], () => library.full(ofNothing(op), kept));
    }
    const whole = this.#spread(source, leaf, own);
    return this.#call([whole], (x) => reduceAxes(library, op, x as A, axes));
  }

  /** Reduces over the tree; leaves without elements have no part in it. */
  #reduceTree(op: ReduceOpName, k: number): void {
    const { library, leaves, groups } = this.#of;
    const parts = leaves.flatMap(({ group, shape }, leaf) => {
      const root = settle(groups[group].graph.globals[k].node);
      const own = extentShape(this.#extents[group].get(root)!, shape);
      const size = sizeOf(own);
      return size === 0 ? [] : [{ place: this.#spread(root, leaf, own), rank: own.length, size }];
    });
    const joined = (...arrays: Operand<A>[]) =>
      reduceAll(library, op, parts.map((part, i) => ({ ...part, array: arrays[i] as A })));
    const place = parts.length === 0
      ? this.#constant(ofNothing(op))
      : this.#call(parts.map(({ place }) => place), joined);
    this.#places.set(keyOf({ kind: "tree", name: globalSymbol(k), at: 0 }), place);
  }
}

function ofNothing(op: ReduceOpName): number {
  const { start, finish } = reduceOps[op];
  return finish(start, 0);
}

function keyOf({ kind, name, at }: Given): string {
  return `${kind} ${at} ${name}`;
}

function notDrawn(node: Node, library: string, doing: string): GradusError {
  return new GradusError(
    `${doing}: \`${
      sketchExpression(node)
    }\` draws random numbers, which ${library} has no spelling ` +
      `for: step it by Gradus itself, on copies of its arrays`,
  );
}

function notSpelled(node: Node, library: string, doing: string): GradusError {
  return new GradusError(
    `${doing}: ${library} has no spelling for \`${
      sketchExpression(node)
    }\`: step it by Gradus itself, ` +
      `on copies of its arrays`,
  );
}
