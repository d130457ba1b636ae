/** How steps are run in the memory of the host, in common for all optimizers that have the same of them to run. */
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import {
  arraysOf,
  type GroupRun,
  type LeafRun,
  stateKind,
  type StepRun,
  typesOf,
} from "../../backends/backend.ts";
import { choose, type Chosen, type Execution, executionOf } from "../../backends/choose.ts";
import { type Backend, formOf } from "../../plan/forms.ts";
import { variantOf } from "../../plan/variants.ts";
import type { Work } from "../../step/device.ts";
import type { StepKey } from "../../step/form.ts";
import { requireKept } from "../../step/groups.ts";
import { BlockArray } from "../../trees/block8.ts";
import { arithmeticOf, type DType, type HostArray, type MemoryArray } from "../../trees/dtype.ts";
import type { LeafInfo } from "../../trees/leaf.ts";
import type { StateStorage } from "../../trees/state_storage.ts";
import { dtypeOf, isSameStored } from "../../trees/stored.ts";

/** How an optimizer runs on the host. */
export interface HostOptions {
  readonly backend: Backend;
  readonly threads: number;
}

/** What is to be run, as far as optimizers may have it in common. */
type Asked = Pick<Work<HostArray>, "mode" | "storage" | "states" | "inputs"> & HostOptions & {
  readonly hasParams: boolean;
  readonly leaves: readonly LeafInfo[];
  /** The types of the arrays of each leaf, where they do not follow from all else. */
  readonly types: Types | undefined;
};

type Types = readonly (readonly DType[])[];

const plans = new WeakMap<StepKey, readonly HostPlan[]>();
/** How many are remembered for what a step chose. */
const MOST_PLANS = 8;

/** The plan of a step; `work` has its arrays. */
export function planFor(
  work: Work<HostArray>,
  key: StepKey,
  options: HostOptions,
  doing: string,
): HostPlan {
  const { mode, storage, states, inputs, arrays: { params }, bound: { layout } } = work;
  const hasParams = params !== undefined;
  const types = typesTaken(work, key);
  const known = plans.get(key) ?? [];
  const found = known.find(({ asked }) =>
    asked.mode === mode && asked.hasParams === hasParams && asked.backend === options.backend &&
    asked.threads === options.threads && isSameStorage(asked.storage, storage) &&
    isSameTypes(asked.types, types)
  );
  if (found !== undefined) return found;
  const made = new HostPlan(
    { ...options, mode, storage, states, inputs, hasParams, types, leaves: layout.leaves },
    key,
    doing,
  );
  plans.set(key, [made, ...known].slice(0, MOST_PLANS));
  return made;
}

/**
 * The types of what is only read, and then of the states that are kept, where arrays may differ in them: few
 * numbers are not stored in blocks, and what mirrors a short parameter may be float32.
 */
export function typesTaken(
  { bound: { layout }, storage, states: names, arrays: { reads, states } }: Work<HostArray>,
  { binding: { groupOf } }: StepKey,
): Types | undefined {
  const hasBlocks = [...storage.values()].some((stored) => dtypeOf(stored) === "block8");
  if (!layout.hasShort && !hasBlocks) return undefined;
  return layout.leaves.map(({ dtype }, i) => [
    ...reads.map((read) => read[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype)),
    ...names.flatMap((name, k) =>
      !groupOf[i].live.has(name)
        ? []
        : states[k][i] instanceof BlockArray
        ? "block8"
        : arithmeticOf(dtype)
    ),
  ]);
}

/** Whether arrays are of the same types. */
export function isSameTypes(a: Types | undefined, b: Types | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.every((each, i) => each.every((type, k) => type === b[i][k]));
}

function isSameStorage(a: StateStorage, b: StateStorage): boolean {
  return a === b ||
    a.size === b.size && [...a].every(([name, stored]) => isSameStored(stored, b.get(name)));
}

/** Leaves in the groups they are run in, and a step of them that takes whatever ordinary arrays they have. */
export class HostPlan {
  readonly asked: Asked;
  /** By leaf, which of the states it keeps. */
  readonly states: readonly (readonly number[])[];
  readonly chosen: Chosen;
  /** Whether some leaf is seen as matrices. */
  readonly hasViews: boolean;
  readonly #key: StepKey;
  /** What ordinary arrays are lent to for the time of a step. */
  readonly #lent: StepRun;
  #execution: Execution | undefined;
  #isLent = false;

  constructor(asked: Asked, key: StepKey, doing: string) {
    [this.asked, this.#key] = [asked, key];
    const { groups, groupOf, views } = key.binding;
    this.hasViews = views.some((view) => view !== undefined);
    const kept = groups.map(({ live }) =>
      asked.states.flatMap((name, k) => live.has(name) ? [k] : [])
    );
    this.states = groupOf.map((group) => kept[groups.indexOf(group)]);
    this.chosen = this.#choose(doing);
    this.#lent = this.run();
  }

  /** What is run: leaves, or each of the matrices that one is seen as; they have no arrays yet. */
  run(): StepRun {
    const { program, binding: { views } } = this.#key;
    const { runOf, matrices } = this.chosen;
    const leaves: LeafRun[] = [];
    for (let i = 0; i < this.asked.leaves.length; i++) {
      const { number, shape: whole, size } = this.asked.leaves[i];
      const [group, count, shape] = [runOf[i], views[i]?.count ?? 1, views[i]?.shape ?? whole];
      for (let k = 0; k < count; k++) {
        const own = { group, number: number + k * LEAVES, shape, size: size / count };
        leaves.push({ ...own, inputs: [], outputs: [] });
      }
    }
    const { globals } = elaborate(program);
    return { leaves, globals, threads: this.asked.threads, matrices };
  }

  /** Prepares a step of leaves that have their arrays. */
  prepare(step: StepRun): Execution {
    return executionOf(step, this.chosen.isInterpreted);
  }

  /** Steps leaves of which all arrays are ordinary ones. */
  step(step: StepRun): ReadonlyMap<string, number> {
    const { leaves } = step;
    const lent = this.#lent.leaves;
    // Only arrays that do something of their own when they are read can ask for a step within a step.
    if (this.#isLent) return this.prepare(step).run();
    this.#isLent = true;
    for (let i = 0; i < lent.length; i++) {
      lend(leaves[i].inputs, lent[i].inputs);
      lend(leaves[i].outputs, lent[i].outputs);
    }
    try {
      return (this.#execution ??= this.prepare(this.#lent)).run();
    } finally {
      // Arrays belong to whoever steps them, and live no longer than that.
      for (const { inputs, outputs } of lent) {
        inputs.fill(NO_ARRAY);
        outputs.fill(NO_ARRAY);
      }
      this.#isLent = false;
    }
  }

  #choose(doing: string): Chosen {
    const { binding, program, keys } = this.#key;
    const { mode, storage, inputs, states, hasParams, leaves, types, backend } = this.asked;
    const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(program, key))]));
    const plain = (leaf: number) => {
      const dtype = arithmeticOf(leaves[leaf].dtype);
      return Array.from({ length: 1 + inputs.length + this.states[leaf].length }, () => dtype);
    };
    const plan = (i: number, types: readonly DType[], backend: Backend): GroupRun => {
      const { stored, dtype, axes, live, structural } = binding.groups[i];
      const kinds = ["g", ...inputs].map((name, k) => ({ name, dtype: types[k] }));
      const kept = states.filter((name) => live.has(name)).map((name, k) => {
        const way = storage.get(name) ?? dtype;
        const isSmall = dtypeOf(way) === "block8" && types[kinds.length + k] !== "block8";
        return stateKind(program, name, isSmall ? dtype : way);
      });
      const arrays = arraysOf(mode, stored, kinds, kept, hasParams);
      const variant = variantOf(program, {
        ...keys[i],
        ...{ live, globals, mode: arrays.mode, axes, backend, dtypes: typesOf(arrays) },
      });
      if (keys[i].structural.size !== structural.size) {
        requireKept(program, variant.plan.extents.keys(), live, doing);
      }
      return { ...variant, ...arrays, backend, symbols: new Map() };
    };
    const groups = binding.groups.map((group) => group.leaves);
    return choose(groups, types ?? leaves.map((_, leaf) => plain(leaf)), backend, plan);
  }
}

function lend(arrays: readonly MemoryArray[], to: MemoryArray[]): void {
  for (let k = 0; k < arrays.length; k++) to[k] = arrays[k];
}

const NO_ARRAY = new Float32Array(0);
/** Matrices of a leaf draw random numbers of their own, apart from those of as many leaves. */
const LEAVES = 2 ** 16;
