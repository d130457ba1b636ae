/** Reads what torch keeps of each parameter into a state of ours. */
import { quoted, shown, suggestion } from "../../../dsl/errors.ts";
import type { Optimizer } from "../../../runtime/optimizer.ts";
import { type HostArray, load, storeAll } from "../../../runtime/trees/dtype.ts";
import { type Leaf, sameShape } from "../../../runtime/trees/leaf.ts";
import type { State } from "../../../runtime/trees/state.ts";
import type { Numbers } from "./fields.ts";
import type { TorchRule } from "./rules.ts";
import { followsSchedule, hostLeaf, type TorchTree } from "./tree.ts";

/** What is kept of a leaf, by torch's name; undefined of an optimizer that has made no step. */
export interface Entry {
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

/** Why what is kept of a trace of steps cannot be told from a trace of gradients. */
export const NO_SCHEDULE =
  "`learningRate` must be a number where there is momentum, which torch multiplies by the present one";

// A tensor that was read from a safetensors file says its type in that format's words.
const SHORT: ReadonlyMap<unknown, string> = new Map([["BF16", "bfloat16"], ["F16", "float16"]]);

/** A tensor or array of a dict; undefined for anything else. */
export function tensorIn(value: unknown, path: string): Leaf<HostArray> | undefined {
  const short = SHORT.get((value as { dtype?: unknown } | null | undefined)?.dtype);
  try {
    return hostLeaf(short === undefined ? value : { ...value as object, dtype: short }, path, "");
  } catch {
    return undefined;
  }
}

/** Checks every state of the dict; what is handed back fills those of `state`. */
export function readStates(
  rule: TorchRule,
  optimizer: Optimizer,
  state: State,
  entries: readonly Entry[],
  numbers: readonly Numbers[],
  { layout }: TorchTree,
  problems: string[],
  doing: string,
): (() => void)[] {
  const fill: (() => void)[] = [];
  const isBegun = entries.some(({ values }) => values !== undefined);
  const known = ["step", ...rule.states.map(({ torch }) => torch)];
  for (const { key, values } of entries) {
    for (const name of Object.keys(values ?? {})) {
      if (known.includes(name)) continue;
      problems.push(
        `${rule.name} keeps no ${quoted(name)} of ${quoted(key)}${suggestion(name, known)}`,
      );
    }
  }
  for (const { ours, torch, isKept, scale } of rule.states) {
    const isKeptOf = (leaf: number) => isKept === undefined || isKept(numbers[leaf]);
    const leaves = Object.hasOwn(state, ours)
      ? layout.leavesOf(state[ours], `state \`${ours}\``, doing, hostLeaf)
      : undefined;
    if (scale !== undefined && layout.leaves.some((_, leaf) => isKeptOf(leaf))) {
      if (followsSchedule(optimizer, "learningRate")) problems.push(NO_SCHEDULE);
    }
    entries.forEach(({ key, values }, leaf) => {
      const { size, shape, path } = layout.leaves[leaf];
      const where = `${quoted(torch)} of ${quoted(key)}`;
      const value = values !== undefined && Object.hasOwn(values, torch)
        ? values[torch]
        : undefined;
      if (value === undefined || value === null) {
        // A momentum that is null has not begun: it is 0.
        const mayBeNull = value === null && torch === "momentum_buffer";
        if (isBegun && isKeptOf(leaf) && !mayBeNull) problems.push(`${where} is missing`);
        return;
      }
      const tensor = tensorIn(value, path);
      const fits = tensor?.isBare
        ? tensor.data.length === size
        : sameShape(tensor?.shape ?? [-1], shape);
      if (tensor === undefined || !fits) {
        const given = tensor === undefined ? shown(value) : `one of [${tensor.shape.join(", ")}]`;
        problems.push(`${where} must be a tensor of shape [${shape.join(", ")}]: given ${given}`);
        return;
      }
      const own = leaves?.[leaf];
      const isOurs = own !== undefined && own.data.length === size;
      if (!isKeptOf(leaf) || (isKept !== undefined && !isOurs)) {
        problems.push(`${where} must not be there: the optimizer, as it was made, keeps none`);
      }
      // What torch always keeps, a program may not read.
      if (!isOurs) return;
      fill.push(() => {
        storeAll(own.dtype, own.data, (i) => {
          const x = load(tensor.dtype, tensor.data, i);
          return scale === undefined ? x : scale.from(x, numbers[leaf]);
        });
      });
    });
  }
  return fill;
}
