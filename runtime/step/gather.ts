/** Gathers the arrays of a step from the trees that hold them, and checks them. */
import type { Program } from "../../dsl/program.ts";
import type { Binding } from "./binding.ts";
import { GatheredStep, type StepArrays, type StepInputs } from "./gathered.ts";
import { apartFrom, requireDistinct, spellPath } from "../trees/leaf.ts";
import { alignMaster, hasMaster, MASTER } from "../trees/master.ts";
import { elementInputs } from "../backends/backend.ts";
import type { State } from "../trees/state.ts";
import { stateShape } from "./initial.ts";
import { isShort, type NumberArray } from "../trees/dtype.ts";
import { type StateStorage, storageIn, storedAs } from "../trees/state_storage.ts";

/** The trees of a step. */
export interface StepTrees {
  readonly params: object | undefined;
  readonly gradients: object;
  readonly state: State;
  readonly inputs: StepInputs;
  /** What takes the parameters or updates, and the next state. */
  readonly target: unknown;
  readonly next: State;
}

/** The arrays of a step of `program`, whose states are stored as in `storage` unless they say otherwise. */
export function gather(
  program: Program,
  given: StateStorage,
  mode: "step" | "update",
  known: Binding,
  { params, gradients, state, inputs, target, next }: StepTrees,
  doing: string,
): GatheredStep {
  const { layout } = known;
  const { leaves } = layout;
  const states = statesOf(program, known.live);
  const own = params === undefined ? undefined : layout.alignLike(params, "parameters", doing);
  const trees = elementInputs(program);
  const read = [
    layout.alignWidened(gradients, "gradients", doing),
    ...trees.map((name) => layout.alignWidened(inputs?.[name], `input \`${name}\``, doing)),
  ];
  const storage = storageIn(state, states, layout, given, doing);
  const align = (from: State) =>
    states.map((name) => alignState(program, known, from, name, storage, doing));
  const alignCopies = (from: State) =>
    hasMaster(layout) ? alignMaster(layout, from[MASTER], doing) : undefined;
  const out = mode === "step" ? own! : layout.alignLike(target, "parameters", doing);
  const [master, nextMaster] = [alignCopies(state), alignCopies(next)];
  const nextStates = align(next);
  const written = [...out, ...(nextMaster ?? []), ...nextStates.flat()];
  if (mode === "step") {
    const names = ["w", ...(nextMaster === undefined ? [] : [MASTER]), ...states];
    requireDistinct(
      written.map((array, i) => [
        array,
        place(names[Math.floor(i / leaves.length)], leaves[i % leaves.length].path),
      ]),
      doing,
    );
  }
  // What is only read may be another leaf's parameter, which is written before it is read.
  const reads = mode === "step" ? read.map((arrays) => apartFrom(arrays, written)) : read;
  const arrays: StepArrays = {
    w: own?.map((array, i) => isShort(leaves[i].dtype) ? master![i] : array),
    reads,
    out,
    master: nextMaster,
    states: align(state),
    next: nextStates,
  };
  const isKeepable = reads.every((arrays, k) => arrays.every((array, i) => array === read[k][i]));
  return new GatheredStep(known, arrays, isKeepable, states, trees, storage, [
    params,
    gradients,
    state,
    inputs,
  ]);
}

/** The states that are arrays. */
export function statesOf(program: Program, live: ReadonlySet<string>): string[] {
  return [...live].filter((name) => program.state.get(name)!.over !== "tree");
}

function alignState(
  program: Program,
  { layout, groupOf }: Binding,
  state: State,
  name: string,
  storage: StateStorage,
  doing: string,
): NumberArray[] {
  return layout.align(
    state[name],
    `state \`${name}\``,
    doing,
    (info) => [storedAs(storage, name, info)],
    (info, i) => stateShape(program, name, info, groupOf[i].live),
  );
}

function place(name: string, path: string): string {
  return name === "w" ? spellPath(path) : `${spellPath(path)} of state \`${name}\``;
}
