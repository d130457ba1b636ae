/** Times some processes in turn, each at a cell of its own, and forms ratios of them. */
import { Absent } from "../contestant.ts";
import type { Samples } from "../measure.ts";
import type { Cell } from "../peers/cells.ts";
import { compete, type Lane, type Ratio, ratioOf } from "../peers/compete.ts";
import { Peer, type Start } from "../peers/peer.ts";

/** What a line is held to. */
export interface Target {
  readonly side: "at most" | "at least";
  readonly bound: number;
  readonly unit: "×" | "ms" | "× before" | "of the loop";
}

/** One line of the table; a figure that could not be had is why. */
export interface Line {
  readonly text: string;
  /** Without one, it is only shown. */
  readonly target?: Target | undefined;
  readonly before: Ratio | string;
  readonly after: Ratio | string;
  /** What else was found. */
  readonly note?: string;
}

/** What rows are given. */
export interface Setting {
  /** The checkouts. */
  readonly before: string;
  readonly after: string;
  /** Where files are put. */
  readonly folder: string;
  /** Time for the rounds of a row. */
  readonly seconds: number;
  /** Ends the row, with the reason. */
  readonly signal: AbortSignal;
}

/** Somebody at something. */
export interface Entry {
  readonly start: Start | Absent;
  readonly cell: Cell;
}

/** What somebody is told to open who steps no parameters. */
export const NOTHING: Cell = { rule: "muon", form: "steady", size: 1 };

/** Samples of each, or why there are none. */
export async function together<Key extends string>(
  { folder, signal }: Setting,
  entries: Readonly<Record<Key, Entry>>,
  { seconds, isSlow }: { readonly seconds: number; readonly isSlow: boolean },
): Promise<Record<Key, Samples | string>> {
  const found: Record<string, Samples | string> = {};
  const lanes: Lane[] = [];
  try {
    for (const [name, { start, cell }] of Object.entries<Entry>(entries)) {
      const peer = await Peer.start(start, signal);
      if (peer instanceof Absent) found[name] = peer.reason;
      else lanes.push({ name, peer, cell });
    }
    const { timed, missing } = await compete(lanes, {
      seconds,
      sampleMilliseconds: isSlow ? 1 : 30,
      warmMilliseconds: isSlow ? 1 : 100,
      leastRounds: isSlow ? 3 : 7,
    }, folder);
    for (const { name, reason } of missing) {
      found[name] = signal.aborted ? String(signal.reason) : reason;
    }
    for (const each of timed) found[each.name] = each;
  } finally {
    for (const { peer } of lanes) await peer.end();
  }
  return found as Record<Key, Samples | string>;
}

/** The ratio of two, so many times, or why there is none. */
export function spread(over: Samples | string, under: Samples | string, times = 1): Ratio | string {
  if (typeof over === "string") return over;
  if (typeof under === "string") return under;
  const { median, least, most } = ratioOf(over, under);
  return { median: times * median, least: times * least, most: times * most };
}
