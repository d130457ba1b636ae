/** How soon the first step is done, in fresh processes of two checkouts in turn. */
import { fileURLToPath } from "node:url";
import { median } from "../measure.ts";
import type { Ratio } from "../peers/compete.ts";
import type { Line, Setting } from "./together.ts";

/** What `bench/cold_start.ts` prints, in milliseconds. */
interface Times {
  readonly load: number;
  readonly first: number;
  readonly second: number;
}

const LEAST = 7;
const PROGRAM = fileURLToPath(new URL("../cold_start.ts", import.meta.url));

/** The lines of the cold start. */
export async function cold({ before, after, seconds, signal }: Setting): Promise<Line[]> {
  const found: Record<"before" | "after", Times[]> = { before: [], after: [] };
  const end = performance.now() + 1000 * seconds;
  while (found.after.length < LEAST || performance.now() < end) {
    signal.throwIfAborted();
    found.before.push(await inFreshProcess(before));
    found.after.push(await inFreshProcess(after));
  }
  const line = (text: string, of: (times: Times) => number, target?: Line["target"]): Line => ({
    text: `AdamW, 1,000: ${text}`,
    target,
    before: spreadOf(found.before.map(of)),
    after: spreadOf(found.after.map(of)),
    note: `${found.after.length} processes of each`,
  });
  const atMost = (bound: number): Line["target"] => ({ side: "at most", bound, unit: "ms" });
  return [
    line("from text to the first step, cold", ({ first }) => first, atMost(5)),
    // What is saved in one of the two must not be spent in the other.
    line("loading the library and the first step", ({ load, first }) => load + first),
    line("second optimizer of the program", ({ second }) => second, atMost(0.2)),
  ];
}

async function inFreshProcess(directory: string): Promise<Times> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--no-check", PROGRAM, "wasm", directory],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function spreadOf(times: readonly number[]): Ratio {
  return { median: median(times), least: Math.min(...times), most: Math.max(...times) };
}
