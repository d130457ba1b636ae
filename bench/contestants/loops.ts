/** Fused loops that a person writes in JavaScript: the plainest, and the fastest of several. */
import type { Contestant, Stepper } from "../contestant.ts";
import { type Budget, measure } from "../measure.ts";
import { numbersAt, shapeOf } from "../tasks.ts";
import { adamwLoops, clippedLoops } from "./loops/adamw.ts";
import { factoredLoops } from "./loops/factored.ts";
import { lionLoops } from "./loops/lion.ts";
import type { Arrays, Loop, Loops } from "./loops/loop.ts";
import { sgdLoops } from "./loops/sgd.ts";

/** The loops of each task, by the name of its program. */
const loopsOf: Readonly<Record<string, Loops>> = {
  lion: lionLoops,
  adamw: adamwLoops,
  sgd: sgdLoops,
  factored: factoredLoops,
  clipByGlobalNorm_adamw: clippedLoops,
};

const TRIAL: Budget = {
  seconds: 0.2,
  sampleMilliseconds: 2,
  warmMilliseconds: 20,
  leastRounds: 3,
};

/** The row that ratios refer to: whatever is the fastest at this size on this machine. */
export const bestLoop: Contestant = {
  name: "best JavaScript loop",
  takes: ({ optimizer }) => optimizer.program.name in loopsOf,
  open: async ({ optimizer }, size) => {
    const arrays = arraysOf(size);
    const loops = Object.entries(loopsOf[optimizer.program.name]);
    // All try on the same arrays, since all do the same to them.
    const trial = await measure(loops.map(([, loop]) => stepperOf(loop, arrays)), TRIAL);
    const medians = trial.map(({ median }) => median);
    const [chosen, loop] = loops[medians.indexOf(Math.min(...medians))];
    const tried = Object.fromEntries(loops.map(([name], i) => [name, medians[i]]));
    return { ...stepperOf(loop, arraysOf(size)), chosen, tried };
  },
};

/** The loop as one writes it without measuring: Lion's sign by a ternary, AdamW's as in the paper. */
export const plainLoop: Contestant = {
  name: "plain JavaScript loop",
  takes: ({ optimizer }) => ["lion", "adamw"].includes(optimizer.program.name),
  open: ({ optimizer }, size) => {
    const [[chosen, loop]] = Object.entries(loopsOf[optimizer.program.name]);
    return { ...stepperOf(loop, arraysOf(size)), chosen };
  },
};

function stepperOf(loop: Loop, arrays: Arrays): Stepper {
  let t = 0;
  return { step: () => loop(arrays, ++t), result: () => arrays.w };
}

function arraysOf(size: number): Arrays {
  const [rows, columns] = shapeOf(size);
  const [m, v] = [new Float32Array(size), new Float32Array(size)];
  const [r, c] = [new Float32Array(rows), new Float32Array(columns)];
  return { rows, columns, ...numbersAt(size), m, v, r, c };
}
