/** Whether a program is an optimizer or a transform, told by what it does to a gradient. */
import type { Program } from "../dsl/program.ts";
import { factory } from "../runtime/define.ts";
import { requiredOf } from "../runtime/required.ts";

const STEPS = 5;

/**
 * An optimizer goes against the gradient; a transform passes on what it makes of it, for another to go by.
 * Some steps are made with a gradient that stays 1, since a first step may be none.
 */
export function kindOf(program: Program): "optimizer" | "transform" {
  const opt = factory(program)(requiredOf(program, 0.1)).with({ backend: "interpreter" });
  const one = () => ({ w: { data: new Float32Array(4).fill(1), shape: [2, 2] } });
  const inputs = Object.fromEntries(
    [...program.inputs].map(([name, kind]) => [name, kind === "scalar" ? 1 : one()]),
  );
  const params = one();
  const state = opt.init(params);
  for (let step = 0; step < STEPS; step++) opt.step(params, one(), state, inputs);
  return params.w.data[0] < 1 ? "optimizer" : "transform";
}
