/** How cases of each kind are made: an optimizer, on parameters and gradients of some form. */
import { lion, type LionOptions, type Optimizer } from "../../mod.ts";
import { catalogue } from "../export/catalogue.ts";
import { wrapped, zooOptimizers } from "../export/everything.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { type Precision, streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import type { Case, Tree } from "./case.ts";
import * as trees from "./trees.ts";

/** A case on trees of one form: other numbers at each step. */
export function on(name: string, make: trees.Make, opt: Optimizer, more: Partial<Case> = {}): Case {
  return { name, opt, params: () => make(1), gradients: (t) => make(1_000 * (t + 1)), ...more };
}

/** A case in which leaves are without gradients by turns, and all at one step. */
export function withMissing(
  name: string,
  opt: Optimizer,
  more: Partial<Case> = {},
  make: trees.Make = trees.branches,
): Case {
  const gradients = (t: number) => trees.present(t, make)(1_000 * (t + 1));
  return { ...on(name, make, opt), gradients, steps: 8, skips: true, ...more };
}

/** All gradients of the goldens are orthogonal to one vector, which `soap` finds as a column of `B`, of either sign. */
const NOISE = "rounding errors, divided by their own size, are its step along a column of a basis";

/** A case on the parameters, gradients and losses of the goldens. */
function onStream(precision: Precision, name: string, opt: Optimizer): Case {
  const gradients = (t: number) => streamGradients(precision, t) as unknown as Tree;
  const inputs = (t: number) =>
    Object.fromEntries(
      [...opt.program.inputs].map(([input, kind]) => [
        input,
        kind === "scalar" ? streamValue(t) : gradients(t + 1),
      ]),
    );
  const params = () => streamParams(precision) as unknown as Tree;
  const cancels = /lbfgs/i.test(name);
  const more = name === "soap" ? { open: { "WebGPU": NOISE } } : {};
  return { name, opt, params, gradients, inputs, steps: 6, cancels, ...more };
}

/** The goldens, what the library has besides them, wrappers around some, and options of every kind. */
export function onStreams(precision: Precision): Case[] {
  const goldens = optax32.cases.filter(isKnown).map((spec) =>
    [`golden ${titleOf(spec)}`, optimizerOf(spec)] as const
  );
  const known = new Set(goldens.map(([, { program }]) => program));
  const made = ([name, make]: [string, () => Optimizer]) => [name, make()] as const;
  return [
    ...goldens,
    ...Object.entries(zooOptimizers).map(made).filter(([, { program }]) => !known.has(program)),
    ...Object.entries({ ...wrapped, ...catalogue }).map(made),
  ].map(([name, opt]) => onStream(precision, name, opt));
}

/** A case of one op a state, on operands that are all given. */
export function ofOps(
  name: string,
  opt: Optimizer,
  operands: readonly Tree[],
  more: Partial<Case> = {},
): Case {
  const [g, x, y] = operands;
  const params = () => (g as Float32Array).slice().fill(0) as Tree;
  const inputs = () => ({ x, y });
  return { name, opt, params, gradients: () => g, inputs, steps: 1, isDirect: true, ...more };
}

/** A case of gradients that are wild, at some steps or at all. */
export function onWild(
  precision: Precision,
  name: string,
  opt: Optimizer,
  isWild: (t: number) => boolean = () => true,
): Case {
  const [wild, tame] = [trees.wild(precision), trees.tame(trees.wild(precision))];
  const gradients = (t: number) => (isWild(t) ? wild : tame)(10 + t);
  const inputs = (t: number) => opt.program.inputs.has("value") ? { value: streamValue(t) } : {};
  return { name, opt, params: () => tame(1), gradients, inputs, steps: 4, isUneven: true };
}

/** A case of Lion on parameters some of which are infinite, so that a term is told from none. */
export function onInfinite(
  name: string,
  options: Pick<LionOptions, "weightDecay" | "mask">,
  write?: Case["write"],
): Case {
  const opt = lion({ learningRate: 0.1, ...options });
  const more = write === undefined ? {} : { write, written: ["weightDecay"] };
  const params = () => trees.infinite(1);
  return { ...on(name, trees.plain, opt, more), params, isUneven: true };
}
