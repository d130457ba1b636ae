/** In how many lanes reductions over axes accumulate, and how these are joined. */
import { reduceOps } from "../../dsl/ops.ts";
import type { ReduceOpName } from "../../dsl/node.ts";
import { type Extent, varyingAxes } from "../plan/extent.ts";

/**
 * In how many lanes each result accumulates of a reduction over axes of what varies over `from`, of which
 * `kept` are left: in four where the last axis is reduced, so that a vector of neighbours joins it at once,
 * and else in one, since then neighbours belong to results of their own. The `i`th operand goes to lane
 * `i` modulo the lanes, in row-major order; at the end lanes are joined as (0, 2) with (1, 3).
 */
export function lanesOf(kept: Extent, from: Extent, rank: number): 1 | 4 {
  const last = varyingAxes(from, rank).at(-1);
  return last === undefined || varyingAxes(kept, rank).includes(last) ? 1 : 4;
}

/** Joins the lanes of every result, of `count` operands each, into `results`. */
export function finishLanes(
  op: ReduceOpName,
  lanes: 1 | 4,
  accumulators: Float64Array,
  count: number,
  results: Float32Array | Float64Array,
): void {
  const { combine, finish } = reduceOps[op];
  for (let i = 0, k = 0; i < results.length; i++, k += lanes) {
    const joined = lanes === 1 ? accumulators[k] : combine(
      combine(accumulators[k], accumulators[k + 2]),
      combine(accumulators[k + 1], accumulators[k + 3]),
    );
    results[i] = finish(joined, count);
  }
}
