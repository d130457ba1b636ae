/**
 * Makes many functional calls and prints what they leave behind: run by a test in a process that may
 * collect its garbage when it likes, so that what is left is what is held.
 */
import { adamw, release, resident, sgd } from "../../mod.ts";
import { blockOf, stagingArena } from "../../runtime/trees/arena.ts";

/** Bytes, and objects made by WebAssembly. */
export interface Held {
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
  readonly wasm: number;
  readonly made: number;
}

/** What is held after a tenth of the calls, and after all. */
export type Report = Readonly<Record<"updates" | "inits", readonly [early: Held, late: Held]>>;

export const UPDATES = 200_000;
export const INITS = 100_000;

let made = 0;

function countWhatIsMade(): void {
  const engine = WebAssembly as unknown as Record<string, new (...given: unknown[]) => object>;
  for (const kind of ["Module", "Instance", "Memory"]) {
    const construct = (target: new (...given: unknown[]) => object, given: unknown[]) => {
      made++;
      return new target(...given);
    };
    engine[kind] = new Proxy(engine[kind], { construct });
  }
}

function held(memories: readonly WebAssembly.Memory[]): Held {
  (globalThis as unknown as { gc(): void }).gc();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const wasm = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  return { heap: heapUsed, external, resident: rss, wasm, made };
}

function report(): Report {
  countWhatIsMade();
  const descent = sgd({ learningRate: 0.001 });
  const params = { w: Float32Array.of(1, 2, 3) };
  let state = descent.init(params);
  const updates = (times: number): Held => {
    for (let i = 0; i < times; i++) [, state] = descent.update(params, state, params);
    return held([stagingArena().memory]);
  };
  const opt = adamw({ learningRate: 0.1 });
  const placed = resident({ w: new Float32Array(100).fill(1) });
  const inits = (times: number): Held => {
    for (let i = 0; i < times; i += 2) {
      opt.init(params);
      release(opt.init(placed));
    }
    return held([stagingArena().memory, blockOf(placed.w)!.arena.memory]);
  };
  const result: Report = {
    updates: [updates(UPDATES / 10), updates(UPDATES - UPDATES / 10)],
    inits: [inits(INITS / 10), inits(INITS - INITS / 10)],
  };
  if (state.count !== UPDATES) throw new Error(`${state.count} updates were made`);
  return result;
}

if (import.meta.main) console.log(JSON.stringify(report()));
