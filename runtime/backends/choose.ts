/** Chooses what runs each group of leaves: the first backend from the one asked for on that can. */
import type { DType } from "../trees/dtype.ts";
import type { MatrixRoutines } from "../plan/products.ts";
import type { Backend } from "../plan/forms.ts";
import type { GroupRun, StepRun } from "./backend.ts";
import { interpret } from "./interpreter/run.ts";
import { isCodeForbidden } from "./js/kernel.ts";
import { multiply, orthonormalize } from "./js/multiply.ts";
import { PhasedStep } from "./phases.ts";
import { isAllowed, isRunnable } from "./wasm/kernel.ts";
import { multiply as multiplyTiles } from "./wasm/multiply.ts";
import { orthonormalize as orthonormalizePairs } from "./wasm/qr.ts";

const PLAIN: MatrixRoutines = { multiply, orthonormalize };
const COMPILED: MatrixRoutines = {
  multiply: multiplyTiles,
  orthonormalize: orthonormalizePairs,
};

/** All backends, the fastest first. */
export const BACKENDS: readonly Backend[] = ["wasm", "js", "interpreter"];

/** What has been chosen for a step. */
export interface Chosen {
  /** The group that each leaf runs in: leaves of one group whose arrays differ in type run apart. */
  readonly runOf: readonly GroupRun[];
  /** Those of each group. */
  readonly runs: readonly (readonly GroupRun[])[];
  /** Whether the interpreter runs it: it takes all groups or none. */
  readonly isInterpreted: boolean;
  /** What computes with whole matrices of the leaves that run in JavaScript. */
  readonly matrices: MatrixRoutines;
}

/**
 * How groups run where `asked` is the backend asked for. `leaves` are those of each group, `types` those of the
 * arrays of each leaf, and `plan` plans the leaves of a group that have such types for a backend.
 */
export function choose(
  leaves: readonly (readonly number[])[],
  types: readonly (readonly DType[])[],
  asked: Backend,
  plan: (group: number, types: readonly DType[], backend: Backend) => GroupRun,
): Chosen {
  const isCompiled = asked === "wasm" && isAllowed();
  const runsBy = (make: (planFor: (backend: Backend) => GroupRun) => GroupRun) => {
    const runOf: GroupRun[] = [];
    const all = leaves.map((group, i) => {
      const runs = new Map<string, GroupRun>();
      for (const leaf of group) {
        const key = types[leaf].join();
        if (!runs.has(key)) {
          runs.set(key, make((backend) => plan(i, types[leaf], backend)));
        }
        runOf[leaf] = runs.get(key)!;
      }
      return [...runs.values()];
    });
    return { runOf, runs: all };
  };
  const interpreted = (): Chosen => ({
    ...runsBy((planFor) => planFor("interpreter")),
    isInterpreted: true,
    matrices: PLAIN,
  });
  if (asked === "interpreter") return interpreted();
  const chosen = runsBy((planFor) => {
    const kernel = isCompiled ? planFor("wasm") : undefined;
    return kernel !== undefined && isRunnable(kernel) ? kernel : planFor("js");
  });
  if (isCodeForbidden() && chosen.runOf.some(({ backend }) => backend === "js")) {
    return interpreted();
  }
  return { ...chosen, isInterpreted: false, matrices: isCompiled ? COMPILED : PLAIN };
}

/** A step that is prepared for its arrays. */
export interface Execution {
  /** Computes it; gives the next values of states that are kept once for the tree. */
  run(): ReadonlyMap<string, number>;
  /** Takes the arrays that the leaves have by now, if they lie where such arrays did. */
  refit(): boolean;
}

/** Prepares a step. */
export function executionOf(step: StepRun, isInterpreted: boolean): Execution {
  if (!isInterpreted) return new PhasedStep(step);
  return { run: () => interpret(step), refit: () => true };
}
