/** What is made of two trees, element by element: parameters and their updates, new and old tensors. */
import { GradusError, shown } from "../dsl/errors.ts";
import { ownOptions } from "./options.ts";
import { asLeaf, mirror } from "./trees/leaf.ts";
import { arithmeticOf, type DType, load, store } from "./trees/dtype.ts";
import { Layout } from "./trees/layout.ts";

/**
 * `params` plus `updates`, rounded to the parameters' type: a new tree. Updates of parameters that are
 * stored in 16 bits may be float32, as an optimizer gives them, or in 16 bits.
 *
 * @example
 * ```ts
 * import { applyUpdates } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { w: Float32Array.of(1, 2) };
 * const after = applyUpdates(params, { w: Float32Array.of(0.5, -0.5) });
 * assertEquals(after, { w: Float32Array.of(1.5, 1.5) });
 * ```
 */
export function applyUpdates<P extends object>(params: P, updates: P): P {
  return joined(params, updates, ["parameters", "updates"], "Cannot apply updates", () => add);
}

/** Options of {@linkcode incrementalUpdate}. */
export interface IncrementalUpdateOptions {
  /** The part of the way from the old tensors to the new ones, from 0 to 1. */
  stepSize: number;
}

/**
 * The old tensors moved a part of the way to the new ones: stepSize·new + (1 - stepSize)·old, a new tree in the
 * old one's types. This is how target networks follow.
 *
 * @example
 * ```ts
 * import { incrementalUpdate } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const [online, target] = [{ w: Float32Array.of(3) }, { w: Float32Array.of(1) }];
 * assertEquals(incrementalUpdate(online, target, { stepSize: 0.25 }), { w: Float32Array.of(1.5) });
 * ```
 *
 * @throws {GradusError} if the trees differ, or `stepSize` is not from 0 to 1.
 */
export function incrementalUpdate<P extends object>(
  newTensors: P,
  oldTensors: P,
  options: IncrementalUpdateOptions,
): P {
  const doing = "Cannot make an incremental update";
  const { stepSize } = ownOptions(options, doing);
  if (typeof stepSize !== "number" || !(stepSize >= 0 && stepSize <= 1)) {
    throw new GradusError(`${doing}: \`stepSize\` must be from 0 to 1: given ${shown(stepSize)}`);
  }
  return joined(oldTensors, newTensors, ["old tensors", "new tensors"], doing, (dtype) => {
    const round = arithmeticOf(dtype) === "float64" ? Number : Math.fround;
    const [part, rest] = [round(stepSize), round(1 - stepSize)];
    return (before, after) => round(round(part * after) + round(rest * before));
  });
}

/** Options of {@linkcode periodicUpdate}. */
export interface PeriodicUpdateOptions {
  /** The number of steps so far. */
  steps: number;
  /** How many steps pass between one update and the next. */
  updatePeriod: number;
}

/**
 * The new tensors where `steps` is a multiple of `updatePeriod`, else the old ones: a copy. This is how
 * target networks are replaced every so many steps.
 *
 * @example
 * ```ts
 * import { periodicUpdate } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const [online, target] = [{ w: Float32Array.of(3) }, { w: Float32Array.of(1) }];
 * assertEquals(periodicUpdate(online, target, { steps: 9, updatePeriod: 5 }), target);
 * assertEquals(periodicUpdate(online, target, { steps: 10, updatePeriod: 5 }), online);
 * ```
 *
 * @throws {GradusError} if the trees differ, or an option is no such whole number.
 */
export function periodicUpdate<P extends object>(
  newTensors: P,
  oldTensors: P,
  options: PeriodicUpdateOptions,
): P {
  const doing = "Cannot make a periodic update";
  const { steps, updatePeriod } = ownOptions(options, doing);
  for (const [name, value, least] of [["steps", steps, 0], ["updatePeriod", updatePeriod, 1]]) {
    if (Number.isSafeInteger(value) && value as number >= (least as number)) continue;
    throw new GradusError(
      `${doing}: \`${name}\` must be a whole number from ${least}: given ${shown(value)}`,
    );
  }
  const isDue = (steps as number) % (updatePeriod as number) === 0;
  return joined(
    oldTensors,
    newTensors,
    ["old tensors", "new tensors"],
    doing,
    () => (before, after) => isDue ? after : before,
  );
}

function add(a: number, b: number): number {
  return a + b;
}

/** A tree in the types of `first`, of each element of it and that of `second`. */
function joined<P extends object>(
  first: P,
  second: P,
  what: readonly [string, string],
  doing: string,
  of: (dtype: DType) => (a: number, b: number) => number,
): P {
  const layout = Layout.of(first, doing, asLeaf);
  const before = layout.alignLike(first, what[0], doing, asLeaf);
  const change = layout.alignWidened(second, what[1], doing, asLeaf);
  return layout.build(layout.leaves.map((info, i) => {
    const { dtype } = info;
    const leaf = mirror(info, dtype, info.shape);
    const { data } = asLeaf(leaf, info.path, doing)!;
    const other = change[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype);
    const join = of(dtype);
    for (let j = 0; j < data.length; j++) {
      store(dtype, data, j, join(load(dtype, before[i], j), load(other, change[i], j)));
    }
    return leaf;
  })) as P;
}
