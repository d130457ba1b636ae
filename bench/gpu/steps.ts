/** Steps optimizers on the GPU beside a copy and beside torch on the same card, checked against the processor. */
import { explain } from "@gradus/gradus";
import * as gradus from "@gradus/gradus";
import { Absent } from "../contestant.ts";
import { median } from "../measure.ts";
import { type Cell, type RuleName, RULES } from "../peers/cells.ts";
import { compete, type Lane, type Ratio, ratioOf } from "../peers/compete.ts";
import { gradus as onProcessor, OWN, torch, webgpu } from "../peers/contestants.ts";
import { Peer, type Start } from "../peers/peer.ts";
import { optimizerOf } from "../peers/rules.ts";

/** One rule at one size. */
export interface StepFinding {
  readonly rule: RuleName;
  readonly size: number;
  /** Milliseconds of a step. */
  readonly median?: number;
  /** Bytes that a step moves for each parameter; absent where products take the time. */
  readonly bytes?: number;
  /** The bandwidth of the step as a share of a copy's in the same round. */
  readonly ofCopy?: Ratio;
  /** Bytes a second of the copy. */
  readonly copy?: number;
  /** How long torch takes as a multiple. */
  readonly torch?: Ratio;
  readonly rounds?: number;
  /** How far parameters are from those of the processor after ten steps, Muon's after two. */
  readonly difference?: number;
  /** Who has no figure, and why. */
  readonly missing: readonly string[];
}

const CHOSEN: readonly RuleName[] = ["lion", "adamw", "sgd", "clip", "adafactor", "muon"];
const [GRADUS, COPY, TORCH, PROCESSOR] = [
  "Gradus on WebGPU",
  "copy",
  "torch on CUDA",
  "Gradus on the processor",
];
const STARTS: Readonly<Record<string, Start>> = {
  [PROCESSOR]: onProcessor(OWN, "resident", Math.min(4, navigator.hardwareConcurrency)),
  [GRADUS]: webgpu(OWN, "steps"),
  [COPY]: webgpu(OWN, "copy"),
  [TORCH]: torch("cuda", 1),
};

/** Above this a processor takes minutes for a step of Muon. */
const MOST_MUON = 2e6;
/** Seconds that a cell takes before its steps count, and more for each parameter. */
const [FIXED_SECONDS, SECONDS_EACH] = [4, 2e-7];
/** Steps that a cell takes at least: its check, and a few rounds. */
const LEAST_STEPS = 25;
/** How much of a cell's time is for rounds. */
const ROUNDS = 0.3;
/** How many times its share a cell may take. */
const PATIENCE = 3;

/** Steps all rules at all sizes in so many seconds; each finding is told of as soon as it is there. */
export async function steps(
  sizes: readonly number[],
  seconds: number,
  tell: (finding: StepFinding) => Promise<void>,
): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  const left = () => (end - performance.now()) / 1000;
  const folder = await Deno.makeTempDir({ prefix: "gradus-gpu-" });
  const running = new Map<string, Peer | Absent>();
  const last = new Map<RuleName, { readonly size: number; readonly median: number }>();
  const cells = sizes.flatMap((size) =>
    CHOSEN.map((rule): Cell => ({ rule, form: "steady", size }))
  );
  try {
    for (const [name, start] of Object.entries(STARTS)) await runningAs(name, start);
    for (const [i, cell] of cells.entries()) {
      const { rule, size } = cell;
      const expected = expectedOf(cell, last.get(rule));
      if (expected > left()) {
        const missing = [
          `it may take ${expected.toFixed(0)} s, and there are ${Math.max(0, left()).toFixed(0)}`,
        ];
        await tell({ rule, size, missing });
        continue;
      }
      const share = left() / (cells.length - i);
      const most = Math.min(left(), Math.max(expected, PATIENCE * share));
      const finding = await found(cell, ROUNDS * share, most)
        .catch((error): StepFinding => ({ rule, size, missing: [String(error)] }));
      if (finding.median !== undefined) last.set(rule, { size, median: finding.median });
      await tell(finding);
    }
  } finally {
    for (const peer of running.values()) if (peer instanceof Peer) await peer.end();
    await Deno.remove(folder, { recursive: true });
  }

  async function found(cell: Cell, seconds: number, most: number): Promise<StepFinding> {
    const { rule, size } = cell;
    const missing: string[] = [];
    const lanes: Lane[] = [];
    for (const [name, start] of Object.entries(STARTS)) {
      const isOracle = name === PROCESSOR;
      if (isOracle && rule === "muon" && size > MOST_MUON) {
        missing.push(
          `${name}: too slow above ${MOST_MUON.toLocaleString("en")}: not checked by it`,
        );
        continue;
      }
      const peer = await runningAs(name, start);
      if (peer instanceof Peer) lanes.push({ name, peer, cell, isOracle });
      else missing.push(`${name}: ${peer.reason}`);
    }
    const timer = setTimeout(() => {
      missing.push(`it was not done after ${most.toFixed(0)} s`);
      lanes.forEach(({ peer }) => peer.end());
    }, 1000 * most);
    const budget = { seconds, sampleMilliseconds: 30, warmMilliseconds: 60, leastRounds: 3 };
    const { timed, missing: more } = await compete(lanes, budget, folder);
    clearTimeout(timer);
    missing.push(...more.map(({ name, reason }) => `${name}: ${reason}`));
    const [ours, copy, theirs] = [GRADUS, COPY, TORCH].map((name) =>
      timed.find((each) => each.name === name)
    );
    if (ours === undefined) return { rule, size, missing };
    const bytes = rule === "muon" ? undefined : bytesOf(rule);
    const copied = 8 * size;
    const ratio = bytes === undefined || copy === undefined ? undefined : ratioOf(copy, ours);
    const scale = (x: number) => x * bytes! * size / copied;
    return {
      rule,
      size,
      missing,
      median: median(ours.wall),
      rounds: ours.wall.length,
      difference: ours.difference,
      ...(bytes === undefined ? {} : { bytes }),
      ...(copy === undefined ? {} : { copy: copied / (median(copy.wall) / 1000) }),
      ...(ratio === undefined ? {} : {
        ofCopy: {
          median: scale(ratio.median),
          least: scale(ratio.least),
          most: scale(ratio.most),
        },
      }),
      ...(theirs === undefined ? {} : { torch: ratioOf(theirs, ours) }),
    };
  }

  async function runningAs(name: string, start: Start): Promise<Peer | Absent> {
    const known = running.get(name);
    if (known instanceof Absent || (known !== undefined && !known.isEnded)) return known;
    const peer = await Peer.start(start);
    running.set(name, peer);
    return peer;
  }
}

/** Seconds that a cell may take, by how long a step took at a smaller size. */
function expectedOf(
  { rule, size }: Cell,
  last: { readonly size: number; readonly median: number } | undefined,
): number {
  const rest = FIXED_SECONDS + SECONDS_EACH * size;
  if (last === undefined) return rest;
  // Products of matrices grow faster than the matrices.
  const growth = Math.max(1, size / last.size) ** (rule === "muon" ? 1.5 : 1);
  return rest + LEAST_STEPS * growth * last.median / 1000;
}

/** Bytes that a step of a rule reads and writes for each parameter. */
function bytesOf(rule: RuleName): number {
  return explain(optimizerOf(gradus, rule, RULES[rule].numbers)!).bytesMoved;
}
