/** Lets contestants step cells: all are opened, checked against Gradus, and timed in turn, round by round. */
import { type Budget, median, race, type Samples } from "../measure.ts";
import { type Cell, openLine, writeFolder } from "./cells.ts";
import { type Peer, PeerError } from "./peer.ts";

/** A contestant at a cell; the first at a cell is who its others must agree with. */
export interface Lane {
  readonly name: string;
  readonly peer: Peer;
  readonly cell: Cell;
  /** What it is checked at, where not at the cell. */
  readonly checkedAt?: Cell;
  /** Whether others are but compared with it, and it is not timed. */
  readonly isOracle?: boolean;
}

/** What was found of one. */
export interface Timed extends Lane, Samples {
  /** How far its parameters are from those of the first, where they are no more than that. */
  readonly difference: number;
}

/** Who has no figure, and why. */
export interface Missing {
  readonly name: string;
  readonly cell: Cell;
  readonly reason: string;
}

/** A ratio over rounds. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Far above the rounding of ten steps, far below one step. */
const MOST_DIFFERENCE = 1e-5;
/** So many may be further apart: a sum that is nearly 0 has either sign. */
const MOST_APART = 1e-3;
const CHECKED_NUMBERS = 1e5;
/** Steps of Muon take long. */
const checkedSteps = ({ rule }: Cell) => rule === "muon" ? 2 : 10;

/** Times all that can be timed; the others are told of. */
export async function compete(
  lanes: readonly Lane[],
  budget: Budget,
  folder: string,
): Promise<{ readonly timed: Timed[]; readonly missing: Missing[] }> {
  const missing: Missing[] = [];
  const miss = ({ name, cell }: Lane, reason: string) => missing.push({ name, cell, reason });
  const expected = new Map<string, Float32Array>();
  let ready: (Lane & { readonly difference: number })[] = [];
  for (const lane of lanes) {
    const { checkedAt = lane.cell } = lane;
    const problem = await attempt(lane, () => opened(lane, checkedAt, folder));
    if (problem !== undefined) {
      miss(lane, problem);
      continue;
    }
    let difference = 0;
    const objection = await attempt(lane, async () => {
      const found = await checked(lane, checkedAt, folder);
      const key = keyOf(checkedAt);
      // Who steps nothing has nothing to compare.
      const wanted = found.length === 0 ? found : expected.get(key) ?? found;
      if (found.length > 0) expected.set(key, wanted);
      const compared = differenceOf(found, wanted);
      difference = compared.within;
      if (compared.apart > MOST_APART) {
        return `void: after ${checkedSteps(checkedAt)} steps ${
          (100 * compared.apart).toPrecision(2)
        } % of its ` +
          `parameters are more than ${MOST_DIFFERENCE} apart from those of Gradus`;
      }
    });
    if (objection !== undefined) miss(lane, objection);
    const isReady = objection === undefined && !lane.isOracle;
    if (isReady) ready.push({ ...lane, difference });
    if (!isReady || checkedAt !== lane.cell) {
      await attempt(lane, async () => void await lane.peer.ask("close"));
    }
  }
  const unopened = ready.filter(({ cell, checkedAt = cell }) => checkedAt !== cell);
  for (const { cell } of unopened) await writeFolder(cell, `${folder}/${keyOf(cell)}`);
  // What is large takes long to open: all do it at once.
  await Promise.all(unopened.map(async (lane) => {
    const problem = await attempt(lane, () => opened(lane, lane.cell, folder));
    if (problem === undefined) return;
    miss(lane, problem);
    ready = ready.filter((each) => each !== lane);
  }));
  let samples: Samples[] | undefined;
  while (samples === undefined) {
    try {
      samples = await race(ready.map(({ peer }) => (steps) => peer.time(steps)), budget);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      // The others run anew, so that all have the same rounds.
      const failed = ready.find(({ peer }) => peer === error.peer)!;
      miss(failed, error.message);
      ready = ready.filter((each) => each !== failed);
    }
  }
  for (const lane of ready) await attempt(lane, async () => void await lane.peer.ask("close"));
  return { timed: ready.map((lane, i) => ({ ...lane, ...samples[i] })), missing };
}

/** How long one takes as a multiple of another, round by round. */
export function ratioOf(over: Samples, under: Samples): Ratio {
  const ratios = over.wall.map((time, round) => time / under.wall[round]);
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/** What went wrong, if anything did. */
async function attempt(
  { peer }: Lane,
  run: () => Promise<string | undefined | void>,
): Promise<string | undefined> {
  try {
    return await run() ?? undefined;
  } catch (error) {
    if (error instanceof PeerError && error.peer === peer) return error.message;
    throw error;
  }
}

async function opened({ peer }: Lane, cell: Cell, folder: string): Promise<string | undefined> {
  const [needed, available] = [cell.size * peer.bytesEach, Deno.systemMemoryInfo().available];
  if (needed > available) {
    return `it may take ${gigabytes(needed)} of memory, and ${gigabytes(available)} are left`;
  }
  const own = `${folder}/${keyOf(cell)}`;
  await writeFolder(cell, own);
  const answer = await peer.ask(openLine(cell, own));
  return answer === "ready" ? undefined : answer.replace(/^absent /, "");
}

async function checked({ peer }: Lane, cell: Cell, folder: string): Promise<Float32Array> {
  const path = `${folder}/found.f32`;
  const stride = Math.ceil(cell.size / CHECKED_NUMBERS);
  await peer.ask(`check ${checkedSteps(cell)} ${stride} ${path}`);
  return new Float32Array((await Deno.readFile(path)).buffer);
}

/** The share that is apart, and how far the others are. */
function differenceOf(
  found: Float32Array,
  wanted: Float32Array,
): { readonly apart: number; readonly within: number } {
  if (found.length !== wanted.length) return { apart: 1, within: 0 };
  let [apart, within] = [0, 0];
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i] - wanted[i]);
    if (difference <= MOST_DIFFERENCE) within = Math.max(within, difference);
    else apart++;
  }
  return { apart: apart / Math.max(1, found.length), within };
}

function keyOf({ rule, form, size }: Cell): string {
  return `${rule}-${form}-${size}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
