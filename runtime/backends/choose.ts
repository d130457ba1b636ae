/** Chooses what runs each group of leaves: the first backend from the one asked for on that can. */
import type { Group } from "../step/binding.ts";
import type { GroupPlans, GroupRuns } from "../step/gathered.ts";
import { interpret } from "./interpreter/run.ts";
import { isCodeForbidden } from "./js/kernel.ts";
import { multiply } from "./js/multiply.ts";
import { runPhased } from "./phases.ts";
import type { GroupRun } from "./backend.ts";
import type { DType } from "../trees/dtype.ts";
import type { Backend } from "../plan/variants.ts";
import { isAllowed, isRunnable } from "./wasm/kernel.ts";
import { multiply as multiplyTiles } from "./wasm/multiply.ts";

/** All backends, the fastest first. */
export const BACKENDS: readonly Backend[] = ["wasm", "js", "interpreter"];

/** Plans the leaves of the `i`th group, whose gradients and inputs are of these types, for a backend. */
type Make = (group: Group, i: number, reads: readonly DType[], backend: Backend) => GroupRun;

/**
 * The groups as they run where `asked` is the backend asked for. Groups of one step may run on different
 * backends, but for the interpreter: it takes all or none. `reads` are the types of what each leaf reads.
 */
export function backendsFor(
  groups: readonly Group[],
  reads: readonly (readonly DType[])[],
  asked: Backend,
  make: Make,
): Pick<GroupPlans, "execute" | "runs" | "multiply"> {
  const isCompiled = asked === "wasm" && isAllowed();
  const runsOf = (choose: (makeFor: (backend: Backend) => GroupRun) => GroupRun): GroupRuns =>
    new Map(groups.map((group, i) => {
      const types = new Map(group.leaves.map((leaf) => [reads[leaf].join(), reads[leaf]]));
      const made = [...types].map(([key, each]) =>
        [key, choose((backend) => make(group, i, each, backend))] as const
      );
      return [group, new Map(made)];
    }));
  const interpreted = () => ({
    execute: interpret,
    runs: runsOf((makeFor) => makeFor("interpreter")),
    multiply,
  });
  if (asked === "interpreter") return interpreted();
  const runs = runsOf((makeFor) => {
    const kernel = isCompiled ? makeFor("wasm") : undefined;
    return kernel !== undefined && isRunnable(kernel) ? kernel : makeFor("js");
  });
  const all = [...runs.values()].flatMap((each) => [...each.values()]);
  if (isCodeForbidden() && all.some(({ backend }) => backend === "js")) return interpreted();
  return { execute: runPhased, runs, multiply: isCompiled ? multiplyTiles : multiply };
}
