/** Makes one optimizer of several that act in turn. */
import { compose } from "../dsl/compose.ts";
import { GradusError, quoted, shown } from "../dsl/errors.ts";
import { IDENTIFIER } from "../dsl/names.ts";
import { bind, type HyperIn, type Optimizer, type StatesIn } from "./optimizer.ts";
import { requireNoOracle } from "./step/rule.ts";
import type { StateKinds, Suffixed } from "./trees/typed.ts";
import { requireOptimizer } from "./wrap.ts";

/**
 * What is known of the states of a chain. Those of the first part keep their names. A state of a later
 * part gets a suffix where an earlier part uses the name, be it only for a local; so it is optional here.
 */
export type ChainedStates<First, Others> =
  & StatesIn<First>
  & (Others extends readonly [infer Next, ...infer More]
    ? Partial<Omit<ChainedStates<Next, More>, keyof StatesIn<First>>>
    : Record<never, never>);

/** The states of optimizers that have names, which are suffixes. */
export type LabelledStates<Parts> = {
  [Label in keyof Parts & string]: (
    states: {
      [Name in keyof StatesIn<Parts[Label]> as `${Name & string}_${Label}`]: StatesIn<
        Parts[Label]
      >[Name];
    },
  ) => void;
}[keyof Parts & string] extends (states: infer All extends StateKinds) => void ? All : never;

/** The hyperparameters of optimizers that have names, which are suffixes. */
export type LabelledHyper<Parts> = {
  [Label in keyof Parts & string]: `${HyperIn<Parts[Label]>}_${Label}`;
}[keyof Parts & string];

/**
 * One optimizer that applies others in turn: what each makes of the gradient is the gradient of the next.
 * The result is one program, with one fused kernel. Where two parts share a name, that of the later one
 * gets the suffix `_2`.
 *
 * @example
 * ```ts
 * import { chain, clipByGlobalNorm, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), sgd({ learningRate: 1 }));
 * const params = Float32Array.of(0, 0);
 * opt.step(params, Float32Array.of(3, 4), opt.init(params));
 * assertEquals(params, Float32Array.of(-0.6, -0.8));
 * ```
 */
export function chain<First extends Optimizer, Others extends readonly Optimizer[]>(
  first: First,
  ...others: Others
): Optimizer<ChainedStates<First, Others>, Suffixed<HyperIn<First | Others[number]>>> {
  const optimizers: readonly Optimizer[] = [first, ...others];
  optimizers.forEach((given, i) => requireOptimizer(given, `argument ${i + 1}`, "Cannot chain"));
  return chained(optimizers);
}

/**
 * A chain whose parts have names: what belongs to a part has the part's name as a suffix, such as the
 * state `m_body` and the hyperparameter `learningRate_body`.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm, namedChain, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = namedChain({
 *   clip: clipByGlobalNorm({ maxNorm: 1 }),
 *   descent: sgd({ learningRate: 1, momentum: 0.9 }),
 * });
 * const state = opt.init(Float32Array.of(0, 0));
 * assertEquals(Object.keys(state), ["optimizer", "count", "hyper", "m_descent"]);
 * assertEquals(state.hyper.maxNorm_clip, 1);
 * ```
 *
 * @throws {GradusError} if a name is not an identifier, or a part is not an optimizer.
 */
export function namedChain<Parts extends Readonly<Record<string, Optimizer>>>(
  parts: Parts,
): Optimizer<LabelledStates<Parts>, LabelledHyper<Parts>> {
  const labels = requireLabels(parts, "Cannot chain");
  return chained(Object.values(parts), labels);
}

/** The names of optimizers that become suffixes. */
export function requireLabels(
  parts: Readonly<Record<string, Optimizer>>,
  doing: string,
): readonly string[] {
  const isRecord = typeof parts === "object" && parts !== null && !Array.isArray(parts);
  const labels = isRecord ? Object.keys(parts) : [];
  if (labels.length === 0) {
    throw new GradusError(`${doing}: named optimizers are required: given ${shown(parts)}`);
  }
  for (const label of labels) {
    if (!IDENTIFIER.test(label)) {
      throw new GradusError(`${doing}: a name must be an identifier: given ${shown(label)}`);
    }
    requireOptimizer(parts[label], quoted(label), doing);
  }
  return labels;
}

/** One optimizer of several; names of a part that has a label get it as a suffix. */
export function chained<S extends StateKinds, Hyper extends string>(
  optimizers: readonly Optimizer[],
  labels: readonly string[] = [],
): Optimizer<S, Hyper> {
  // What a part asks is of what the whole chain is given, and what follows would change what was found.
  optimizers.slice(0, -1).forEach((each) =>
    requireNoOracle(each, "Cannot chain before another part")
  );
  const { oracle } = optimizers.at(-1)!;
  const { program, names } = compose(optimizers.map((each) => each.program), labels);
  const settings = optimizers.flatMap((each, i) =>
    [...each.settings].map(([name, setting]) => {
      const { clock } = setting;
      const renamed = clock === undefined ? {} : { clock: names[i].get(clock) };
      return [names[i].get(name)!, { ...setting, ...renamed }] as const;
    })
  );
  const storage = optimizers.flatMap((each, i) =>
    [...each.storage].map(([name, type]) => [names[i].get(name)!, type] as const)
  );
  return bind({ program, settings: new Map(settings), storage: new Map(storage), oracle });
}
