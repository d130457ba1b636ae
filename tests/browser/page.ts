/** What a page does: the part that its address names, then it reports to the test that opened it. */
import { release, resident } from "../../mod.ts";
import { isCodeForbidden } from "../../runtime/backends/js/kernel.ts";
import { isAllowed } from "../../runtime/backends/wasm/kernel.ts";
import { threadsTakenPart } from "../../runtime/backends/wasm/threads.ts";
import { found } from "./found.ts";
import { kept } from "./kept.ts";
import { type Bits, optimizers, type Size, train, ways } from "./train.ts";

/** The bits of a training that was done again and again until threads took part in it. */
export interface Trained {
  readonly isIsolated: boolean;
  readonly isThreaded: boolean;
  /** Those of the first time, which the caller stepped alone, and those of the last. */
  readonly first: Bits;
  readonly last: Bits;
}

/** The bits of every training, and what the page allowed it to run on. */
export interface AllTrained {
  readonly bits: Readonly<Record<string, Bits>>;
  readonly allows: { readonly wasm: boolean; readonly code: boolean };
}

/** What became of arrays in WebAssembly memory while more were placed. */
export interface Placed {
  readonly memories: number;
  readonly detached: number;
  readonly lengths: readonly number[];
  readonly wrong: number;
}

const place = globalThis as unknown as {
  readonly crossOriginIsolated: boolean;
  /** What the test listens to. */
  readonly report: (text: string) => void;
};
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 10));

/** Trains resident trees with two threads until both have taken part. */
async function threaded(name: string): Promise<Trained> {
  const opt = optimizers[name].with({ threads: 2 });
  const first = await train(opt, "resident", "large", pause);
  let last = first;
  for (let i = 0; i < 50 && !threadsTakenPart(); i++) {
    last = await train(opt, "resident", "large", pause);
  }
  return { isIsolated: place.crossOriginIsolated, isThreaded: threadsTakenPart(), first, last };
}

/** Trains with optimizers, if not told which with all, in every way; each may be told its threads. */
async function all(
  size: Size,
  { names = Object.keys(optimizers), threads }: {
    readonly names?: readonly string[];
    readonly threads?: number;
  } = {},
): Promise<AllTrained> {
  const bits: Record<string, Bits> = {};
  for (const name of names) {
    const opt = optimizers[name];
    const told = threads === undefined ? opt : opt.with({ threads });
    for (const way of ways) bits[`${name}, ${way}`] = await train(told, way, size, pause);
  }
  return { bits, allows: { wasm: isAllowed(), code: !isCodeForbidden() } };
}

/** Places trees of a megabyte, more than one memory of a fixed size holds, and looks at all of them. */
function placed(): Placed {
  const [length, count] = [1 << 18, 40];
  const trees = Array.from(
    { length: count },
    (_, k) => resident({ w: new Float32Array(length).fill(k) }),
  );
  const arrays = trees.map(({ w }) => w);
  const result = {
    memories: new Set(arrays.map(({ buffer }) => bufferKey(buffer))).size,
    detached: arrays.filter(({ buffer }) => (buffer as ArrayBuffer).detached).length,
    lengths: [...new Set(arrays.map(({ length }) => length))],
    wrong: arrays.filter((array, k) => !array.every((value) => value === k)).length,
  };
  release(trees);
  return result;
}

const SHARED = {};

// A shared memory that has grown hands out another object for the same bytes.
function bufferKey(buffer: ArrayBufferLike): object {
  return buffer instanceof ArrayBuffer ? buffer : SHARED;
}

/** Steps resident trees that fill a memory to the brim, and one that is larger than a memory. */
function brim(): readonly number[] {
  const opt = optimizers.lion.with({});
  const small = Array.from({ length: 200 }, () => resident(new Float32Array(1 << 15).fill(1)));
  const large = resident(new Float32Array(5_000_000).fill(1));
  const stepped = [small[0], small.at(-1)!, large].map((params) => {
    const gradients = resident(new Float32Array(params.length).fill(1));
    opt.step(params, gradients, opt.init(params));
    return params.every((value) => value === params[0]) ? params[0] : NaN;
  });
  release([small, large]);
  return stepped;
}

/** The parts, by name. */
const parts = { threaded, all, placed, brim, found, kept };

export type Parts = typeof parts;

try {
  const [part, given] = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const run = parts[part as keyof Parts] as (...given: unknown[]) => unknown;
  place.report(JSON.stringify({ value: await run(...given) }));
} catch (error) {
  place.report(JSON.stringify({ error: String(error) }));
}
