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
  /** How many parameters they are of. */
  readonly checkedAt?: number;
  /** Who has no figure, and why. */
  readonly missing: readonly string[];
}

const CHOSEN: readonly RuleName[] = ["adamw", "lion", "clip", "sgd", "adafactor", "muon"];
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

/** Above this a step of Muon takes too long. */
const MOST_MUON = 1e7;
/** Above these sizes, steps on the processor take too long: what is checked there is a smaller size. */
const mostChecked = (rule: RuleName) => rule === "muon" ? 1e6 : 1e7;
const CHECKED = 1e6;
/** What a step takes that is enqueued, however little it does. */
const LITTLE: Cell = { rule: "adamw", form: "steady", size: 1000 };
/** Seconds that a cell takes, and more for each parameter; little where all is small. */
const [FIXED_SECONDS, SMALL_SECONDS, SECONDS_EACH] = [9, 2, 1.5e-7];
/** How much of a cell's time is for rounds. */
const ROUNDS = 0.3;
/** How many times its share, or what is expected of it, a cell may take. */
const PATIENCE = 6;
/** Milliseconds of a sample: many times a wait, which in Deno may take 10 ms longer than what is waited for. */
const [SAMPLE, SMALL_SAMPLE] = [400, 30];

/** What is to be stepped. */
export interface Plan {
  readonly sizes: readonly number[];
  readonly seconds: number;
  /** Whether samples are short, as is enough to see that all runs. */
  readonly isSmall: boolean;
}

/**
 * Steps all rules at all sizes, from the largest, in so many seconds; each finding is told of as soon as it
 * is there.
 */
export async function steps(
  { sizes, seconds, isSmall }: Plan,
  tell: (finding: StepFinding) => Promise<void>,
): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  const left = () => (end - performance.now()) / 1000;
  const folder = await Deno.makeTempDir({ prefix: "gradus-gpu-" });
  const running = new Map<string, Peer | Absent>();
  const [first, ...others] = sizes.toSorted((a, b) => b - a).flatMap((size) =>
    CHOSEN.map((rule): Cell => ({ rule, form: "steady", size }))
  );
  const cells = [first, ...(sizes.includes(LITTLE.size) ? [] : [LITTLE]), ...others];
  try {
    for (const [i, cell] of cells.entries()) {
      const { rule, size } = cell;
      const expected = (isSmall ? SMALL_SECONDS : FIXED_SECONDS) + SECONDS_EACH * size;
      const reason = rule === "muon" && size > MOST_MUON
        ? `its products take too long above ${MOST_MUON.toLocaleString("en")}`
        : expected > left()
        ? `it may take ${expected.toFixed(0)} s, and there are ${Math.max(0, left()).toFixed(0)}`
        : undefined;
      if (reason !== undefined) {
        await tell({ rule, size, missing: [reason] });
        continue;
      }
      const share = left() / (cells.length - i);
      const most = Math.min(left(), PATIENCE * Math.max(expected, share));
      await tell(
        await found(cell, ROUNDS * share, most)
          .catch((error): StepFinding => ({ rule, size, missing: [String(error)] })),
      );
    }
  } finally {
    for (const peer of running.values()) if (peer instanceof Peer) await peer.end();
    await Deno.remove(folder, { recursive: true });
  }

  async function found(cell: Cell, seconds: number, most: number): Promise<StepFinding> {
    const { rule, size } = cell;
    const missing: string[] = [];
    const lanes: Lane[] = [];
    const checkedAt = size > mostChecked(rule) ? { ...cell, size: CHECKED } : cell;
    for (const [name, start] of Object.entries(STARTS)) {
      const peer = await runningAs(name, start);
      if (peer instanceof Peer) {
        lanes.push({ name, peer, cell, checkedAt, isOracle: name === PROCESSOR });
      } else missing.push(`${name}: ${peer.reason}`);
    }
    const timer = setTimeout(() => {
      missing.push(`it was not done after ${most.toFixed(0)} s`);
      lanes.forEach(({ peer }) => peer.end());
    }, 1000 * most);
    const budget = {
      seconds,
      sampleMilliseconds: isSmall ? SMALL_SAMPLE : SAMPLE,
      warmMilliseconds: 60,
      leastRounds: 3,
    };
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
      checkedAt: checkedAt.size,
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

/** Bytes that a step of a rule reads and writes for each parameter. */
function bytesOf(rule: RuleName): number {
  return explain(optimizerOf(gradus, rule, RULES[rule].numbers)!).bytesMoved;
}
