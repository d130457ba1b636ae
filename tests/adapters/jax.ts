/** Optimizers stepped inside jax-js, beside the interpreter. */
import { defaultDevice, init, jit, numpy as np, tree } from "@jax-js/jax";
import {
  type Arrays as TreeOfArrays,
  type JaxOptions,
  toJax,
  toJaxTree,
} from "../../adapters/jax/mod.ts";
import type { Optimizer, State, Tensor } from "../../mod.ts";
import { leavesOf } from "../export/trees.ts";

/** Where jax-js runs in tests; its own default is the last. */
export const DEVICES = ["cpu", "wasm"] as const;

const DEVICE = "wasm";
await init(...DEVICES);
defaultDevice(DEVICE);

/** Runs something on a device. */
export function onDevice(device: typeof DEVICES[number], run: () => void): void {
  defaultDevice(device);
  try {
    run();
  } finally {
    defaultDevice(DEVICE);
  }
}

type Arrays = { [key: string]: Arrays } | Arrays[] | np.Array;

/** A tree of Gradus's as one of jax-js. */
export function toArrays<T extends object>(tree: T): TreeOfArrays<T, np.Array> {
  return toJaxTree(tree, np);
}

/** A tree of jax-js arrays as tensors; it is used up. */
export function plain(arrays: unknown): unknown {
  if (arrays instanceof np.Array) {
    const { shape } = arrays;
    return { data: Float32Array.from(arrays.dataSync() as Float32Array), shape };
  }
  if (Array.isArray(arrays)) return arrays.map(plain);
  return Object.fromEntries(
    Object.entries(arrays as object).map(([key, child]) => [key, plain(child)]),
  );
}

/** What is compared of a step. */
export interface Stepped {
  readonly updates: unknown;
  readonly state: Readonly<Record<string, unknown>>;
}

/** Trees that an optimizer is stepped on. */
export interface Stream {
  readonly params: () => object;
  readonly gradients: (t: number) => object;
  readonly inputs?: (t: number) => Readonly<Record<string, number | object>>;
  readonly steps: number;
}

/** The steps as the interpreter defines them. */
export function reference(opt: Optimizer, { params, gradients, inputs, steps }: Stream): Stepped[] {
  const interpreter = opt.with({ backend: "interpreter" });
  const w = params();
  let state = interpreter.init(w);
  return Array.from({ length: steps }, (_, t): Stepped => {
    const [updates, next] = interpreter.update(gradients(t), state, w, inputs?.(t));
    state = next;
    add(w, updates);
    return { updates, state: numbersOf(next) };
  });
}

/** The same in jax-js, under `jit` or call by call. */
export function stepped(
  opt: Optimizer,
  { params, gradients, inputs, steps }: Stream,
  isJitted: boolean,
  options: JaxOptions = {},
): Stepped[] {
  const jax = toJax(opt, np, options);
  const update = (g: Arrays, state: ReturnType<typeof jax.init>, w: Arrays, given: Arrays) => {
    const [updates, next] = jax.update(g, state, w, given as Record<string, np.Array>);
    return { updates, next };
  };
  const step = isJitted ? jit(update) : update;
  const w = params();
  const array = (tree: object) => toJaxTree(tree, np) as Arrays;
  let state = jax.init(array(w));
  const made = Array.from({ length: steps }, (_, t): Stepped => {
    const given = Object.fromEntries(
      Object.entries(inputs?.(t) ?? {}).map(([name, value]) => [
        name,
        typeof value === "number" ? np.full([], value, { dtype: np.float32 }) : array(value),
      ]),
    );
    const { updates, next } = step(array(gradients(t)), state, array(w), given);
    state = next;
    const result = plain(updates);
    add(w, result);
    const { count, ...others } = plain(tree.ref(next)) as Record<string, { data: Float32Array }>;
    return { updates: result, state: { count: count.data[0], ...others } };
  });
  tree.dispose(state);
  if (isJitted) (step as unknown as { dispose(): void }).dispose();
  return made;
}

/** The arrays and numbers of a state. */
function numbersOf({ optimizer: _, hyper: __, ...others }: State): Record<string, unknown> {
  return others;
}

function add(params: object, updates: unknown): void {
  const theirs = leavesOf(updates);
  leavesOf(params).forEach(({ data }, i) => {
    for (let j = 0; j < data.length; j++) data[j] += theirs[i].data[j];
  });
}

/** The largest difference between two trees, by the largest number of the array it is in, and where it is. */
export function farthest(actual: Stepped, expected: Stepped): { part: number; place: string } {
  let far = { part: 0, place: "" };
  const visit = (a: unknown, b: unknown, place: string): void => {
    const numbers = (x: unknown): ArrayLike<number> | undefined =>
      typeof x === "number"
        ? [x]
        : ArrayBuffer.isView(x)
        ? x as Float32Array
        : ArrayBuffer.isView((x as Tensor).data)
        ? (x as Tensor).data
        : undefined;
    const [ours, theirs] = [numbers(a), numbers(b)];
    if (ours === undefined || theirs === undefined) {
      const keys = new Set([...Object.keys(a as object), ...Object.keys(b as object)]);
      for (const key of keys) {
        visit((a as never)[key], (b as never)[key], `${place}/${key}`);
      }
      return;
    }
    const scale = Math.max(0, ...Array.from(theirs, Math.abs).filter(Number.isFinite)) || 1;
    for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
      if (Object.is(ours[i], theirs[i])) continue;
      const apart = Math.abs(ours[i] - theirs[i]) / scale;
      const part = Number.isNaN(apart) ? Infinity : apart;
      if (part > far.part) far = { part, place: `${place}[${i}] is ${ours[i]}, not ${theirs[i]}` };
    }
  };
  visit(actual, expected, "");
  return far;
}

/** The buffers that jax-js holds on the device that is its default now, in its own books. */
export function buffersHeld(): ReadonlyMap<unknown, unknown> {
  const { set } = Map.prototype;
  let books: Map<unknown, unknown> | undefined;
  Map.prototype.set = function (key, value) {
    if (typeof value === "object" && value !== null && "ref" in value) books ??= this;
    return set.call(this, key, value);
  };
  try {
    np.array(Float32Array.of(1, 2)).dispose();
  } finally {
    Map.prototype.set = set;
  }
  if (books === undefined) throw new Error("jax-js keeps no books of its buffers");
  return books;
}
