/** Gradus on each of its backends, through its public interface. */
import { adamw, lion } from "@gradus/gradus";
import { Absent, type Contestant } from "../contestant.ts";
import { gradusStepper, type Way } from "../gradus.ts";
import { HYPER, numbersAt, shapeOf, type Task } from "../tasks.ts";

/** The rows of Gradus. */
export const gradusContestants: readonly Contestant[] = [
  // It defines what a program means, and takes the time of 10 steps for it.
  { ...contestant("Gradus interpreter", { backend: "interpreter" }), largest: 10_000 },
  contestant("Gradus JavaScript", { backend: "js" }),
  contestant("Gradus staged, 1 thread", { backend: "wasm", threads: 1 }),
  contestant("Gradus staged, 2 threads", { backend: "wasm", threads: 2 }),
  contestant("Gradus resident, 1 thread", { backend: "wasm", resident: true, threads: 1 }),
  contestant("Gradus resident, 2 threads", { backend: "wasm", resident: true, threads: 2 }),
  bfloat16({ backend: "wasm", resident: true, threads: 1 }),
  unclipped({ backend: "wasm", resident: true, threads: 1 }),
];

function contestant(name: string, way: Way): Contestant {
  return {
    name,
    takes: () => true,
    open: ({ optimizer }, size) => open(optimizer, size, way),
  };
}

function bfloat16(way: Way): Contestant {
  const optimizer = lion({ learningRate: HYPER.learningRate, muDtype: "bfloat16" });
  return {
    name: "Gradus resident, 1 thread, bfloat16 momentum",
    takes: (task) => task.optimizer.program === lion.program,
    open: (_task, size) => open(optimizer, size, way),
  };
}

/** AdamW beside the chain that clips before it, since the two tasks are measured minutes apart. */
function unclipped(way: Way): Contestant {
  const optimizer = adamw({ learningRate: HYPER.learningRate });
  return {
    name: "Gradus resident, 1 thread, without clipping",
    takes: (task) => task.optimizer.program.name === "clipByGlobalNorm_adamw",
    open: (_task, size) => {
      const opened = open(optimizer, size, way);
      // It computes something else, and so has no result to compare.
      return opened instanceof Absent ? opened : { ...opened, result: undefined };
    },
  };
}

function open(optimizer: Task["optimizer"], size: number, way: Way) {
  const { w, g } = numbersAt(size);
  const shape = shapeOf(size);
  return gradusStepper(optimizer, { data: w, shape }, { data: g, shape }, way);
}
