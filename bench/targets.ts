/** What the table must show, and what it shows. */
import type { Cell, Run } from "./record.ts";
import { find, showRatio, showTime } from "./table.ts";

interface Target {
  readonly text: string;
  readonly size: number;
  /** The task and contestant whose time is divided … */
  readonly over: readonly [task: string, contestant: string];
  /** … by the time of this one; by itself, its microseconds are what is bounded. */
  readonly under?: readonly [task: string, contestant: string];
  readonly bound: readonly ["at least" | "at most", number];
}

const SIZE = 4_000_000;
const LOOP = "best JavaScript loop";
const STAGED = "Gradus staged, 1 thread";
const RESIDENT = "Gradus resident, 1 thread";
const TFJS = "tfjs-wasm Adam or momentum";
const ON_GPU = ["Gradus in tfjs-webgpu", "tfjs-webgpu Adam or momentum"] as const;
const THREADED = "Gradus resident, 2 threads";

/** At a size that tfjs steps in JavaScript in time. */
const inTfjsCpu: Target = {
  text: "AdamW inside tfjs-cpu against its Adam, at 100,000 parameters",
  size: 100_000,
  over: ["AdamW", "tfjs-cpu Adam or momentum"],
  under: ["AdamW", "Gradus in tfjs-cpu"],
  bound: ["at least", 1],
};

const targets: readonly Target[] = [
  faster("Lion, resident, against the best JavaScript loop", "Lion", RESIDENT, LOOP, 3),
  faster("AdamW, resident, against the best JavaScript loop", "AdamW", RESIDENT, LOOP, 5),
  faster("Lion, resident, 2 threads against 1", "Lion", THREADED, RESIDENT, 1.6),
  faster("AdamW, resident, 2 threads against 1", "AdamW", THREADED, RESIDENT, 1.6),
  faster("Lion, staged, against the best JavaScript loop", "Lion", STAGED, LOOP, 1.5),
  faster("AdamW against tfjs-wasm", "AdamW", RESIDENT, TFJS, 10),
  faster("AdamW inside tfjs-wasm against its Adam", "AdamW", "Gradus in tfjs-wasm", TFJS, 1),
  faster("AdamW inside tfjs-webgpu against its Adam", "AdamW", ...ON_GPU, 1),
  inTfjsCpu,
  faster("AdamW against jax-js", "AdamW", RESIDENT, "jax-js jit AdamW", 30),
  faster(
    "Lion's bytes per second, resident, 2 threads, of the copy's with 2",
    "Lion",
    THREADED,
    "copy of as many bytes, 2 threads",
    0.7,
  ),
  {
    text: "time of the clipped chain, of AdamW's",
    size: SIZE,
    over: ["clip by global norm, AdamW", RESIDENT],
    under: ["clip by global norm, AdamW", "Gradus resident, 1 thread, without clipping"],
    bound: ["at most", 1.35],
  },
  faster(
    "Lion with bfloat16 momentum against float32",
    "Lion",
    "Gradus resident, 1 thread, bfloat16 momentum",
    RESIDENT,
    1,
  ),
];

const [THREE, SIXTEEN_LEAVES, MANY_LEAVES] = [3, 16 * 1000, 300 * 256];
const [SAME, NEW] = ["step, same gradients", "step, new gradients"];

/** Of whoever trains with ordinary arrays, and has new gradients at every step. */
const everydayTargets: readonly Target[] = ["Lion", "AdamW"].flatMap((task): Target[] => {
  const within = (text: string, size: number, over: string, most: number, under?: string) => ({
    text: `${task}, ${text}`,
    size,
    over: [task, over] as const,
    under: under === undefined ? undefined : [task, under] as const,
    bound: ["at most", most] as const,
  });
  const allocation = "step and allocation";
  return [
    within("3 elements, new gradients of the same ones", THREE, NEW, 1.2, SAME),
    within("16 leaves, new gradients of the same ones", SIXTEEN_LEAVES, NEW, 1.2, SAME),
    within("300 leaves, new gradients of the same ones", MANY_LEAVES, NEW, 1.2, SAME),
    within("3 elements, step", THREE, NEW, 5),
    within("3 elements, update", THREE, "update", 15),
    within("300 leaves, ordinary arrays of resident ones", MANY_LEAVES, NEW, 2, "resident"),
    within("16 leaves, update of step and allocation", SIXTEEN_LEAVES, "update", 1.5, allocation),
    within("300 leaves, update of step and allocation", MANY_LEAVES, "update", 1.5, allocation),
  ];
});

/** A line for each target that the run has the figures for. */
export function showTargets({ cells }: Run): string {
  return show(`Targets at ${SIZE.toLocaleString("en")} parameters`, targets, cells);
}

/** A line for each target of the everyday path that there are figures for. */
export function showEverydayTargets(cells: readonly Cell[]): string {
  return show("Targets of the everyday path", everydayTargets, cells);
}

function show(title: string, targets: readonly Target[], cells: readonly Cell[]): string {
  const lines = targets.flatMap(({ text, size, over, under, bound: [side, bound] }) => {
    const above = find(cells, ...over, size);
    const below = under && find(cells, ...under, size);
    if (above === undefined || (under !== undefined && below === undefined)) return [];
    const value = below === undefined ? above.median * 1e3 : above.median / below.median;
    const unit = below === undefined ? " µs" : "×";
    const shown = below === undefined ? showTime(above.median) : showRatio(value);
    const isMet = side === "at least" ? value >= bound : value <= bound;
    const verdict = isMet ? "met" : "MISSED";
    return [`  ${text.padEnd(68)}${shown} (${side} ${bound}${unit}): ${verdict}`];
  });
  return lines.length === 0 ? "" : [title, ...lines].join("\n");
}

function faster(text: string, task: string, fast: string, slow: string, times: number): Target {
  return { text, size: SIZE, over: [task, slow], under: [task, fast], bound: ["at least", times] };
}
