/** The training that a page and Deno both do: what comes of it must have the same bits. */
import { adamw, chain, clipByGlobalNorm, lion, type Optimizer, resident } from "../../mod.ts";
import { randomArray } from "../runtime/random.ts";

/** What is trained with, by name. */
export const optimizers: Readonly<Record<string, Optimizer>> = {
  lion: lion({ learningRate: 0.01, weightDecay: 0.1 }),
  adamw: adamw({ learningRate: (count) => 0.1 / (1 + count) }),
  "clip and adamw": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.01 })),
};

/** Whether arrays are ordinary ones or live in WebAssembly memory. */
export type Way = "ordinary" | "resident";
export const ways: readonly Way[] = ["ordinary", "resident"];

const STEPS = 3;

/** The bits of arrays in base64, or of a hash of each block of large ones, by their place. */
export type Bits = Readonly<Record<string, string>>;

interface Trained {
  readonly weight: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly bias: Float32Array;
  readonly gain: Float64Array;
}

/** How large a tree is: of some blocks and a bit, or so large that three threads share its work. */
export type Size = "small" | "large";
const ROWS: Readonly<Record<Size, number>> = { small: 43, large: 661 };

/** Made without the functions that engines differ in, as they do in the sine of a float64. */
function tree(size: Size, seed: number): Trained {
  const rows = ROWS[size];
  return {
    weight: { data: randomArray(300 * rows, seed), shape: [rows, 300] },
    bias: randomArray(777, seed + 1),
    gain: new Float64Array(randomArray(1001, seed + 2)),
  };
}

/** Steps a tree a few times, with a pause after each; the bits of the parameters and the state. */
export async function train(
  opt: Optimizer,
  way: Way,
  size: Size,
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<Bits> {
  const [params, gradients] = way === "resident"
    ? [resident(tree(size, 1)), resident(tree(size, 10))]
    : [tree(size, 1), tree(size, 10)];
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

/** How many bytes are sent as they are, and how many 32-bit words of more are sent as one hash. */
const [MOST, BLOCK] = [2 ** 16, 2 ** 10];

function hashed({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint32Array {
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  const hashes = new Uint32Array(Math.ceil(words.length / BLOCK)).fill(2_166_136_261);
  for (let i = 0; i < words.length; i++) {
    const block = Math.floor(i / BLOCK);
    // FNV-1a, a word at a time.
    hashes[block] = Math.imul(hashes[block] ^ words[i], 16_777_619);
  }
  return hashes;
}

function base64Of(array: ArrayBufferView): string {
  const { buffer, byteOffset, byteLength } = array.byteLength > MOST ? hashed(array) : array;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let from = 0; from < bytes.length; from += 4096) {
    text += String.fromCharCode(...bytes.subarray(from, from + 4096));
  }
  return btoa(text);
}
