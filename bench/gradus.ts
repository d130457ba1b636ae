/** Makes a stepper of an optimizer: the one place that knows how Gradus is told where to run. */
import * as gradus from "@gradus/gradus";
import { Absent, type Stepper } from "./contestant.ts";

/** Where and how a step runs. */
export interface Way {
  readonly backend: "interpreter" | "js" | "wasm";
  /** Whether the arrays lie in WebAssembly memory for good, or are staged at every step. */
  readonly resident?: boolean;
  readonly threads?: number;
}

type Tree = Parameters<gradus.Optimizer["step"]>[0];

// What runs WebAssembly is asked for by name, so that without it its rows are absent, not an error.
const { resident, release } = gradus as {
  resident?: <T extends Tree>(tree: T) => T;
  release?: (tree: Tree) => void;
};

/** Steps `params`; a way that this version of Gradus does not have is absent. */
export function gradusStepper(
  optimizer: gradus.Optimizer,
  params: Tree,
  gradients: Tree,
  way: Way,
): Stepper | Absent {
  const { backend, threads = 1 } = way;
  if (way.resident && resident === undefined) return new Absent("there are no resident arrays");
  // Threads come with resident arrays; before, the option would be passed over without a word.
  if (threads > 1 && resident === undefined) return new Absent("there are no threads");
  const place: <T extends Tree>(tree: T) => T = way.resident ? resident! : (tree) => tree;
  let placed: gradus.Optimizer;
  try {
    placed = optimizer.with({ backend, threads } as gradus.RunOptions);
  } catch (error) {
    if (error instanceof gradus.GradusError) return new Absent(error.message);
    throw error;
  }
  const [w, g] = [place(params), place(gradients)];
  const state = placed.init(w);
  return {
    step: () => placed.step(w, g, state),
    result: () => (w as { data: Float32Array }).data,
    close() {
      if (way.resident) [w, g, state].forEach((tree) => release?.(tree));
    },
  };
}
