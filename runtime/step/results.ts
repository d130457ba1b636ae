/** New arrays for what comes of an update or of what is evaluated. */
import { constant, PARAMETER, ZERO } from "../../dsl/node.ts";
import { isShort } from "../trees/dtype.ts";
import type { LeafInfo } from "../trees/leaf.ts";
import { MASTER, masterShape } from "../trees/master.ts";
import type { State } from "../trees/state.ts";
import { storedAs } from "../trees/state_storage.ts";
import type { Stored } from "../trees/stored.ts";
import type { Blank, Bound, Device, Form, StepArrays, Work } from "./device.ts";

/** The trees that take the results of an update. */
export interface Results {
  readonly updates: unknown;
  /** The next states, of which numbers are still to be told, and the master copies where there are any. */
  readonly states: Readonly<Record<string, unknown>>;
}

/** A step of all leaves. */
type Whole<A, F extends Form> = Pick<Work<A>, "arrays" | "states" | "storage"> & {
  readonly bound: Bound<F>;
};

const NONE: ReadonlyMap<string, number> = new Map();
const NEGATIVE_ZERO = constant(-0);

/** New arrays for what to evaluate with, which begin as the parameters. */
export function evaluatedOf<A, F extends Form>(
  device: Device<A, F>,
  { bound: { layout }, arrays: { params } }: Whole<A, F>,
  doing: string,
): Pick<StepArrays<A>, "out"> & { readonly tree: object } {
  const made = device.create(
    layout.leaves.map((info, i): Blank<A> => ({
      ...{ what: "parameters to evaluate with", info, stored: info.dtype, shape: info.shape },
      ...{ init: PARAMETER, symbols: NONE, parameter: params![i], isResult: true },
    })),
    doing,
  );
  const out = made.map((node) => device.read(node, "", doing)!.data);
  return { out, tree: layout.build(made) as object };
}

/**
 * New arrays for the results of an update. Of leaves that are not `present` they are what they are to be: an
 * update of -0, and states as they were.
 */
export function resultsOf<A, F extends Form>(
  device: Device<A, F>,
  { bound, arrays, states, storage }: Whole<A, F>,
  state: State,
  present: ReadonlySet<number> | undefined,
  doing: string,
): Pick<StepArrays<A>, "out" | "next" | "nextMaster"> & { readonly results: Results } {
  const { layout: { leaves, hasShort } } = bound;
  const blank = (
    what: string,
    info: LeafInfo,
    stored: Stored,
    shape: readonly number[],
    old: readonly A[] | undefined,
  ): Blank<A> => {
    const isSkipped = present !== undefined && !present.has(info.number);
    const init = isSkipped ? NEGATIVE_ZERO : ZERO;
    const copied = isSkipped ? old?.[info.number] : undefined;
    return { what, info, stored, shape, init, symbols: NONE, parameter: undefined, copied };
  };
  const { params, master } = arrays;
  const blanks = [
    // The update of a short parameter is told from what it becomes.
    leaves.map((info) => {
      const old = isShort(info.dtype) ? params : undefined;
      return blank("updates", info, info.dtype, info.shape, old);
    }),
    ...states.map((name, k) =>
      leaves.map((info, i) => {
        const shape = bound.stateShape(name, i);
        return blank(name, info, storedAs(storage, name, info, shape), shape, arrays.states[k]);
      })
    ),
    ...(hasShort
      ? [leaves.map((info) => blank(MASTER, info, "float32", masterShape(info), master))]
      : []),
  ];
  const made = blanks.map((each) => device.create(each, doing));
  const [out, ...others] = made.map((nodes) =>
    nodes.map((node) => device.read(node, "", doing)!.data)
  );
  const [updates, ...trees] = made.map((nodes) => bound.layout.build(nodes));
  const next: Record<string, unknown> = {};
  for (const name of bound.live) {
    const k = states.indexOf(name);
    next[name] = k < 0 ? state[name] : trees[k];
  }
  if (hasShort) next[MASTER] = trees[states.length];
  return {
    out,
    next: others.slice(0, states.length),
    nextMaster: hasShort ? others[states.length] : undefined,
    results: { updates, states: next },
  };
}
