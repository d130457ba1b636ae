/** What schedule-free optimizers are evaluated at. */
import { GradusError, shown } from "../dsl/errors.ts";
import { asLeaf, mirror } from "../runtime/trees/leaf.ts";
import type { State } from "../runtime/trees/state.ts";
import { Layout } from "../runtime/trees/layout.ts";

/**
 * The average x of the fast iterate of a schedule-free optimizer, which is what to evaluate and to
 * keep; training goes on from the parameters y. It is x = (y - (1 - β)z)/β, a new tree.
 *
 * @example
 * ```ts
 * import { scheduleFreeEvalParams, scheduleFreeSgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scheduleFreeSgd({ learningRate: 1, b1: 0.5 });
 * const y = Float32Array.of(4);
 * const state = opt.init(y);
 * opt.step(y, Float32Array.of(1), state); // z is 3, and so is the average of it alone
 * opt.step(y, Float32Array.of(1), state); // z is 2, the average of both 2.5
 * assertEquals(y, Float32Array.of(2.25));
 * assertEquals(scheduleFreeEvalParams(state, y), Float32Array.of(2.5));
 * ```
 *
 * @throws {GradusError} if the state is not that of a schedule-free optimizer of these parameters, or
 * its `b1` is 0: the average then leaves no trace in the parameters.
 */
export function scheduleFreeEvalParams<P extends object>(state: State, params: P): P {
  const doing = "Cannot tell the parameters to evaluate";
  const layout = Layout.of(params, doing, asLeaf);
  const isScheduleFree = typeof state?.hyper === "object" && state.hyper !== null &&
    "b1" in state.hyper && "z" in state;
  if (!isScheduleFree) {
    throw new GradusError(
      `${doing}: the state must be that of a schedule-free optimizer, with \`z\` and ` +
        `\`hyper.b1\`: given ${shown(state)}`,
    );
  }
  const isNumber = (node: unknown) => typeof node === "number";
  const b1 = layout.prefix(state.hyper.b1, "`hyper.b1` of the state", doing, isNumber);
  const [y, z] = [
    layout.alignLike(params, "parameters", doing, asLeaf),
    layout.alignLike(state.z, "state `z`", doing, asLeaf),
  ];
  return layout.build(layout.leaves.map((info, i) => {
    const beta = b1[i].value as number;
    if (beta === 0) {
      throw new GradusError(`${doing}: \`hyper.b1\` of the state must not be 0: given 0`);
    }
    const leaf = mirror(info, info.dtype, info.shape);
    const { data } = asLeaf(leaf, info.path, doing)!;
    for (let j = 0; j < data.length; j++) data[j] = (y[i][j] - (1 - beta) * z[i][j]) / beta;
    return leaf;
  })) as P;
}
