/** The training that a page and Deno both do: what comes of it must have the same bits. */
import { adamw, chain, clipByGlobalNorm, lion, type Optimizer, resident } from "../../mod.ts";

/** What is trained with, by name. */
export const optimizers: Readonly<Record<string, Optimizer>> = {
  lion: lion({ learningRate: 0.01, weightDecay: 0.1 }),
  adamw: adamw({ learningRate: (count) => 0.1 / (1 + count), muDtype: "bfloat16" }),
  "clip and adamw": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.01 })),
};

/** Whether arrays are ordinary ones or live in WebAssembly memory. */
export type Way = "ordinary" | "resident";
export const ways: readonly Way[] = ["ordinary", "resident"];

const STEPS = 4;

/** The bits of arrays in base64, by their place. */
export type Bits = Readonly<Record<string, string>>;

interface Trained {
  readonly weight: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly bias: Float32Array;
  readonly gain: Float64Array;
}

/** Large enough that two threads share its work. */
function tree(phase: number): Trained {
  const at = (i: number) => Math.sin(1.3 * i + phase) * (i % 7 === 0 ? 1e-3 : 1);
  return {
    weight: { data: Float32Array.from({ length: 451 * 300 }, (_, i) => at(i)), shape: [451, 300] },
    bias: Float32Array.from({ length: 777 }, (_, i) => at(i + 5)),
    gain: Float64Array.from({ length: 1001 }, (_, i) => at(i + 9)),
  };
}

/** Steps a tree a few times, with a pause after each; the bits of the parameters and the state. */
export async function train(
  opt: Optimizer,
  way: Way,
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<Bits> {
  const [params, gradients] = way === "resident"
    ? [resident(tree(0)), resident(tree(1))]
    : [tree(0), tree(1)];
  const state = opt.init(params);
  for (let step = 0; step < STEPS; step++) {
    for (const array of [gradients.weight.data, gradients.bias, gradients.gain]) {
      for (let i = 0; i < array.length; i++) array[i] *= i % 3 === step % 3 ? -0.5 : 1.25;
    }
    opt.step(params, gradients, state);
    await pause();
  }
  return bitsOf({ params, state });
}

function bitsOf(tree: object, path = ""): Bits {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) => {
      const place = path === "" ? key : `${path}/${key}`;
      if (ArrayBuffer.isView(value)) return [[place, base64Of(value)]];
      const isTree = typeof value === "object" && value !== null;
      return isTree ? Object.entries(bitsOf(value, place)) : [];
    }),
  );
}

function base64Of({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let from = 0; from < bytes.length; from += 4096) {
    text += String.fromCharCode(...bytes.subarray(from, from + 4096));
  }
  return btoa(text);
}
