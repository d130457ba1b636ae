/** What Node and Deno both do with the main entry: what comes of it must have the same bits. */
import {
  adamw,
  applyUpdates,
  type Backend,
  lion,
  type State,
  type StoredTensor,
} from "../../mod.ts";
import { isAllowed } from "../../runtime/backends/wasm/kernel.ts";
import { endThreads, threadsTakenPart } from "../../runtime/backends/wasm/threads.ts";
import { type Bits, optimizers, train, ways } from "../browser/train.ts";

/** The bits of every training, by what was trained and how. */
export async function everything(backend: Backend): Promise<Readonly<Record<string, unknown>>> {
  const trained: Record<string, unknown> = {
    functional: functional(backend),
    short: short(backend),
  };
  for (const [name, opt] of Object.entries(optimizers)) {
    for (const way of ways) {
      trained[`${name}, ${way}`] = await train(opt.with({ backend }), way, "small");
    }
  }
  return trained;
}

/** The steps of `update`, which gives new trees. */
function functional(backend: Backend): readonly number[] {
  const opt = lion({ learningRate: 0.25 }).with({ backend });
  let params = { w: Float64Array.of(1, -2, 3) };
  let state: State = opt.init(params);
  for (let step = 0; step < 3; step++) {
    const [updates, next] = opt.update({ w: params.w.map((w) => w - step) }, state, params);
    [params, state] = [applyUpdates(params, updates), next];
  }
  return Array.from(params.w);
}

/** A parameter, its gradients and a state that are stored short. */
function short(backend: Backend): readonly number[] {
  const stored = (data: readonly number[]): StoredTensor => ({
    ...{ data: Uint16Array.from(data), shape: [data.length], dtype: "bfloat16" },
  });
  const [w, g] = [stored([0x3f80, 0xbf80, 0x4000]), stored([0x3f80, 0x3f00, 0xbe80])];
  const opt = adamw({ learningRate: 0.1 }).with({ backend });
  const state = opt.init({ w }, { storage: { m: "float16" } });
  for (let step = 0; step < 3; step++) opt.step({ w }, { w: g }, state);
  return [...w.data, ...(state.m as { w: StoredTensor }).w.data];
}

/** Trains resident trees on three threads until others than the caller have taken part. */
export async function threaded(): Promise<{ readonly bits: Bits; readonly isThreaded: boolean }> {
  const opt = optimizers.lion.with({ threads: 3 });
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
  let bits = await train(opt, "resident", "large", pause);
  for (let i = 0; i < 50 && !threadsTakenPart(); i++) {
    bits = await train(opt, "resident", "large", pause);
  }
  const isThreaded = threadsTakenPart();
  await endThreads();
  return { bits, isThreaded };
}

/** Whether steps run as WebAssembly here. */
export const isCompiled: () => boolean = isAllowed;
