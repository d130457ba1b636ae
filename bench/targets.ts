/** What the table must show, and what it shows. */
import type { Run } from "./record.ts";
import { find, showRatio } from "./table.ts";

interface Target {
  readonly text: string;
  /** The task and contestant whose time is divided … */
  readonly over: readonly [task: string, contestant: string];
  /** … by the time of this one. */
  readonly under: readonly [task: string, contestant: string];
  readonly bound: readonly ["at least" | "at most", number];
}

const SIZE = 4_000_000;
const LOOP = "best JavaScript loop";
const STAGED = "Gradus staged, 1 thread";
const RESIDENT = "Gradus resident, 1 thread";
const THREADED = "Gradus resident, 2 threads";

const targets: readonly Target[] = [
  faster("Lion, resident, against the best JavaScript loop", "Lion", RESIDENT, LOOP, 3),
  faster("AdamW, resident, against the best JavaScript loop", "AdamW", RESIDENT, LOOP, 5),
  faster("Lion, resident, 2 threads against 1", "Lion", THREADED, RESIDENT, 1.6),
  faster("AdamW, resident, 2 threads against 1", "AdamW", THREADED, RESIDENT, 1.6),
  faster("Lion, staged, against the best JavaScript loop", "Lion", STAGED, LOOP, 1.5),
  faster("AdamW against tfjs-wasm", "AdamW", RESIDENT, "tfjs-wasm Adam or momentum", 10),
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

/** A line for each target that the run has the figures for. */
export function showTargets({ cells }: Run): string {
  const lines = targets.flatMap(({ text, over, under, bound: [side, bound] }) => {
    const [above, below] = [over, under].map(([task, name]) => find(cells, task, name, SIZE));
    if (above === undefined || below === undefined) return [];
    const ratio = above.median / below.median;
    const isMet = side === "at least" ? ratio >= bound : ratio <= bound;
    const verdict = isMet ? "met" : "MISSED";
    return [`  ${text.padEnd(68)}${showRatio(ratio)} (${side} ${bound}×): ${verdict}`];
  });
  return lines.length === 0 ? "" : [
    `Targets at ${SIZE.toLocaleString("en")} parameters`,
    ...lines,
  ].join("\n");
}

function faster(text: string, task: string, fast: string, slow: string, times: number): Target {
  return { text, over: [task, slow], under: [task, fast], bound: ["at least", times] };
}
