/**
 * Makes many functional calls and prints what they leave behind: run by a test in a process that may
 * collect its garbage when it likes, so that what is left is what is held.
 */
import { adamw, type Backend, release, resident, sgd } from "../../mod.ts";
import { blockOf, stagingArena } from "../../runtime/trees/arena.ts";
import { backends } from "./backends.ts";

/** Bytes, and objects made by WebAssembly. */
export interface Held {
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
  readonly wasm: number;
  readonly made: number;
}

/** What is held after a tenth of the calls, and after all. */
export type Calls = Readonly<Record<"updates" | "inits", readonly [early: Held, late: Held]>>;

/** What is held by calls, and how many arrays of optimizers that nobody has any more. */
export interface Report {
  readonly calls: Calls;
  readonly left: number;
}

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

function callsMade(): Calls {
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
  const result: Calls = {
    updates: [updates(UPDATES / 10), updates(UPDATES - UPDATES / 10)],
    inits: [inits(INITS / 10), inits(INITS - INITS / 10)],
  };
  if (state.count !== UPDATES) throw new Error(`${state.count} updates were made`);
  return result;
}

/** The arrays of an optimizer that made a step and was dropped. */
function stepped(backend: Backend): WeakRef<object>[] {
  const opt = adamw({ learningRate: 0.1 }).with({ backend });
  const [params, gradients] = [new Float32Array(5000), new Float32Array(5000)];
  const state = opt.init(params);
  opt.step(params, gradients, state);
  return [params, gradients, state.m, state.v].map((array) => new WeakRef(array));
}

/** How many of them are held, where their program lives on. */
async function leftOver(): Promise<number> {
  const arrays = backends.flatMap((backend) => [...stepped(backend), ...stepped(backend)]);
  // What has been asked for in a task lives until it ends.
  await new Promise((resolve) => setTimeout(resolve));
  (globalThis as unknown as { gc(): void }).gc();
  return arrays.filter((array) => array.deref() !== undefined).length;
}

if (import.meta.main) {
  const calls = callsMade();
  const report: Report = { calls, left: await leftOver() };
  console.log(JSON.stringify(report));
}
