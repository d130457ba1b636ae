/** How a leaf of a state begins in jax-js. */
import { axesByExtent } from "../../dsl/axes.ts";
import { constant, type Node } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { initialNumber, isInitialNumber } from "../../runtime/step/initial.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { Fold } from "../fold.ts";
import type { ArrayLibrary } from "../library.ts";
import type { JaxArray } from "./types.ts";

/** What a leaf begins at: an expression of numbers and of the parameter. */
export interface Beginning<A> {
  readonly init: Node;
  readonly symbols: ReadonlyMap<string, number>;
  readonly shape: readonly number[];
  /** The parameter, which is borrowed. */
  readonly parameter: A;
}

/** A leaf of a state of optimizer `name` at the beginning. */
export function beginLeaf<A extends JaxArray>(
  library: ArrayLibrary<A>,
  name: string,
  { init, symbols, shape, parameter }: Beginning<A>,
  doing: string,
): A {
  const isNumber = isInitialNumber(init);
  // Where a leaf does not keep the state, there is nothing to begin.
  if (isNumber || sizeOf(shape) === 0) {
    const value = isNumber && init.op !== "Zero" ? initialNumber(init, symbols) : 0;
    return library.full(value, shape);
  }
  // What starts from the parameter is an update of nothing by it.
  const fold = new Fold({
    library,
    program: initially(name, init),
    groups: [{
      structural: new Map(),
      guards: [],
      live: new Set(),
      axes: axesByExtent(shape),
      bind: (each) => symbols.has(each) ? constant(symbols.get(each)!) : undefined,
    }],
    leaves: [{ group: 0, shape }],
    isNumber: () => false,
    doing,
  });
  const leaves = new Map([["w", [library.keep(parameter)]]]);
  return fold.run({ leaves, tree: new Map(), numbers: [] }).updates[0];
}

/** A program whose update is how a state begins. */
function initially(name: string, init: Node): Program {
  return {
    ...{ name, doc: "", source: "", hyper: new Map(), domains: new Map() },
    ...{ state: new Map(), inputs: new Map(), statements: [{ target: "u", value: init }] },
    evaluate: init,
  };
}
