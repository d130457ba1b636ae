/** Makes a stepper of an optimizer: the one place that knows how Gradus is told where to run. */
import { GradusError, type Optimizer, release, resident, type RunOptions } from "@gradus/gradus";
import { Absent, type Stepper } from "./contestant.ts";

/** Where and how a step runs. */
export interface Way {
  readonly backend: "interpreter" | "js" | "wasm";
  /** Whether the arrays lie in WebAssembly memory for good, or are staged at every step. */
  readonly resident?: boolean;
  readonly threads?: number;
}

type Tree = Parameters<Optimizer["step"]>[0];

/** Steps `params`; a way that this version of Gradus does not have is absent. */
export function gradusStepper(
  optimizer: Optimizer,
  params: Tree,
  gradients: Tree,
  way: Way,
): Stepper | Absent {
  const { backend, threads = 1 } = way;
  if (threads > 1 && !knowsThreads(optimizer)) return new Absent("there are no threads");
  let placed: Optimizer;
  try {
    placed = optimizer.with({ backend, threads } as RunOptions);
  } catch (error) {
    if (error instanceof GradusError) return new Absent(error.message);
    throw error;
  }
  const [w, g] = way.resident ? [resident(params), resident(gradients)] : [params, gradients];
  const state = placed.init(w);
  return {
    step: () => placed.step(w, g, state),
    result: () => (w as { data: Float32Array }).data,
    close() {
      if (way.resident) [w, g, state].forEach(release);
    },
  };
}

// An option that is not known is passed over without a word; one that is known refuses nonsense.
function knowsThreads(optimizer: Optimizer): boolean {
  try {
    optimizer.with({ threads: -1 } as RunOptions);
    return false;
  } catch {
    return true;
  }
}
