/** The rows of the table of limits: what is timed for each, in two checkouts in turn. */
import { fileURLToPath } from "node:url";
import type { Absent } from "../contestant.ts";
import { cellsOf, type RuleName, RULES } from "../peers/cells.ts";
import { gradus, inC, ofCheckout, onnx, type Place, torch } from "../peers/contestants.ts";
import type { Start } from "../peers/peer.ts";
import { cold } from "./cold.ts";
import { MULTIPLY_ADDS } from "./loop.ts";
import {
  type Entry,
  type Line,
  NOTHING,
  type Setting,
  spread,
  type Target,
  together,
} from "./together.ts";

/** A row, which has a line or more. */
export interface Row {
  readonly text: string;
  /** How much of the time it takes, beside others. */
  readonly share: number;
  measure(setting: Setting): Promise<Line[]>;
}

/** A line before it is measured: what each checkout does, divided by what it or somebody else does. */
interface Question {
  readonly text: string;
  readonly target: Target;
  over(directory: string): Entry;
  under: Entry | ((directory: string) => Entry);
  /** Steps are so long that a sample is one. */
  readonly isSlow?: boolean;
}

const atMost = (bound: number): Target => ({ side: "at most", bound, unit: "×" });
const atLeast = (bound: number): Target => ({ side: "at least", bound, unit: "×" });

/** Multiply-adds of a step of Muon: five iterations of three products. */
const [WIDTH, PRODUCTS] = [1024, 15];
const LOOP: Start = {
  command: Deno.execPath(),
  args: ["run", "-A", fileURLToPath(new URL("loop.ts", import.meta.url))],
};

/** All rows by their names; those that take long come last. */
export const ROWS: Readonly<Record<string, Row>> = {
  staged: row("ordinary arrays against resident ones", 2, () =>
    [2, 1].map((threads) => ({
      text: `Lion, 4 M, ordinary arrays against resident, ${threads} thread${
        threads > 1 ? "s" : ""
      }`,
      target: atMost(1.6),
      over: (directory) => ours(directory, "lion", 4e6, "ordinary", threads),
      under: (directory) => ours(directory, "lion", 4e6, "resident", threads),
    }))),
  adamw: row("AdamW against torch", 3, () =>
    [1e6, 4e6, 16e6].map((size) => ({
      text: `AdamW, ${size / 1e6} M, resident, 2 threads, against torch fused`,
      target: atMost(1),
      over: (directory) => ours(directory, "adamw", size, "resident", 2),
      under: step(torch("cpu", 2), "adamw", size),
    }))),
  cache: row("in cache against C", 2, async ({ folder }) => {
    const c = await inC("-msse4.2", 1, folder);
    return (["lion", "adamw"] as const).map((rule) => ({
      text: `${RULES[rule].title}, 100,000, resident, 1 thread, against C -msse4.2`,
      target: atMost(1.1),
      over: (directory) => ours(directory, rule, 1e5, "resident", 1),
      under: step(c, rule, 1e5),
    }));
  }),
  leaves: row("many leaves against one", 2, () =>
    (["lion", "adamw"] as const).map((rule) => ({
      text: `${RULES[rule].title}, ordinary arrays, 1,000 leaves of 256 against one of 256,000`,
      target: atMost(1.5),
      over: (directory) => ({
        start: gradus(directory, "ordinary"),
        cell: cellsOf(rule, "leaves", [])[0],
      }),
      under: (directory) => ours(directory, rule, 256_000, "ordinary"),
    }))),
  cold: { text: "from text to the first step", share: 3, measure: cold },
  bfloat16: row("bfloat16 momentum", 2, () =>
    [1, 2].map((threads) => ({
      text: `Lion, 4 M, resident, ${threads} thread${
        threads > 1 ? "s" : ""
      }, float32 momentum's time of bfloat16's`,
      target: atLeast(1),
      over: (directory) => ours(directory, "lion", 4e6, "resident", threads),
      under: (directory) => ours(directory, "lion16", 4e6, "resident", threads),
    }))),
  search: row("programs trained in search", 2, ({ before }) => [{
    text: "programs trained a second of a processor, beside before",
    target: { side: "at least", bound: 1.5, unit: "× before" },
    over: () => ({ start: programs(before), cell: NOTHING }),
    under: (directory) => ({ start: programs(directory), cell: NOTHING }),
    isSlow: true,
  }]),
  muon: {
    text: "Muon against a plain loop",
    share: 5,
    measure: (setting) => muon(setting),
  },
  onnx: row(
    "exported graph against torch",
    6,
    () =>
      ([["adamw", 4], ["clip", 6]] as const).map(([rule, bound]) => ({
        text: `${
          RULES[rule].title
        }: exported graph on ONNX Runtime against torch fused, 124 M in 148 tensors, 2 threads`,
        target: atMost(bound),
        over: (directory) => ({ start: onnx(directory, 2), cell: cellsOf(rule, "gpt2", [])[0] }),
        under: { start: torch("cpu", 2), cell: cellsOf(rule, "gpt2", [])[0] },
        isSlow: true,
      })),
  ),
};

/** Muon's rate is held to the loop's, and torch's is said beside it. */
async function muon(setting: Setting): Promise<Line[]> {
  const size = WIDTH ** 2;
  const of = (directory: string) => ours(directory, "muon", size, "resident", 1);
  const found = await together(setting, {
    after: of(setting.after),
    before: of(setting.before),
    torch: step(torch("cpu", 1), "muon", size),
    loop: { start: LOOP, cell: NOTHING },
  }, { seconds: setting.seconds, isSlow: true });
  const times = PRODUCTS * WIDTH ** 3 / MULTIPLY_ADDS;
  const rate = (which: "after" | "before") => spread(found.loop, found[which], times);
  const beside = spread(found.after, found.torch);
  return [{
    text:
      "Muon, 1024 x 1024, 1 thread: its rate of multiply-adds as a share of a plain SIMD128 loop's",
    target: { side: "at least", bound: 0.6, unit: "of the loop" },
    before: rate("before"),
    after: rate("after"),
    note: typeof beside === "string"
      ? `torch: ${beside}`
      : `it takes ${beside.median.toFixed(1)} times as long as torch by hand in float32, 1 thread`,
  }];
}

/** A row of questions, which share its time. */
function row(
  text: string,
  share: number,
  ask: (setting: Setting) => Question[] | Promise<Question[]>,
): Row {
  return {
    text,
    share,
    async measure(setting) {
      const questions = await ask(setting);
      const seconds = setting.seconds / questions.length;
      const lines: Line[] = [];
      for (const question of questions) lines.push(await answered(question, setting, seconds));
      return lines;
    },
  };
}

async function answered(question: Question, setting: Setting, seconds: number): Promise<Line> {
  const { text, target, over, under, isSlow } = question;
  const { after, before } = setting;
  // Whoever is first is who the others must agree with.
  const found = await together(setting, {
    overAfter: over(after),
    overBefore: over(before),
    ...(typeof under === "function"
      ? { underAfter: under(after), underBefore: under(before) }
      : { underAfter: under }),
  } as Record<"overAfter" | "overBefore" | "underAfter" | "underBefore", Entry>, {
    seconds,
    isSlow: isSlow ?? false,
  });
  return {
    text,
    target,
    before: spread(found.overBefore, found.underBefore ?? found.underAfter),
    after: spread(found.overAfter, found.underAfter),
  };
}

function ours(
  directory: string,
  rule: RuleName,
  size: number,
  place: Place,
  threads?: number,
): Entry {
  return step(gradus(directory, place, threads), rule, size);
}

function step(start: Start | Absent, rule: RuleName, size: number): Entry {
  return { start, cell: { rule, form: "steady", size } };
}

function programs(directory: string): Start {
  return ofCheckout("../limits/programs.ts", directory, []);
}
