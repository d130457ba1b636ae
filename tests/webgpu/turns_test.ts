/** Functions on the GPU where they begin to overflow, vanish or are computed otherwise. */
import { elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { assert, assertEquals } from "../assert.ts";
import { gpuTest, onGpu } from "./gpu.ts";
import { compare, optimizerOf } from "./meaning.ts";

/** Where functions of one operand begin to overflow, vanish or are computed otherwise. */
const TURNS: Partial<Record<ElementOpName, readonly number[]>> = {
  Exp: [88.7, 88.7228, 88.723, 89, -87.3, -87.34, -103],
  Sinh: [88.7, 88.73, 88.85, 89, 89.4, 89.415, 89.417, 90, 0.999, 1.001, 1e-3, 1e-20],
  Cosh: [88.7, 88.73, 88.85, 89, 89.4, 89.415, 89.417, 90, 0.999, 1.001, 1e-3, 1e-20],
  Tanh: [9, 9.02, 9.99, 10.01, 44, 89, 0.999, 1.001, 1e-3, 1e-20],
};

for (const [name, turns] of Object.entries(TURNS) as [ElementOpName, readonly number[]][]) {
  gpuTest(`on the GPU, ${name} means what it means where it turns`, async () => {
    const both = Float32Array.from(turns.flatMap((x) => [x, -x]));
    const steps = Float32Array.from({ length: 2000 }, (_, i) => 87 + i * 0.00125);
    for (const column of [both, steps, steps.map((x) => -x)]) {
      const { wrong } = await onGpu(
        optimizerOf(elementOps[name]),
        (gpu) => compare(gpu, name, [column]),
      );
      assertEquals(wrong.slice(0, 10), [], `${wrong.length} of ${column.length}`);
    }
  });
}

gpuTest("on the GPU, sinh and tanh are good to a part of themselves near 0", async () => {
  for (const name of ["Sinh", "Tanh"] as const) {
    const column = Float32Array.from({ length: 1000 }, (_, i) => 1.01 * 0.93 ** i);
    const { ulps } = await onGpu(
      optimizerOf(elementOps[name]),
      (gpu) => compare(gpu, name, [column]),
    );
    assert(ulps < 16, `${name} is off by ${ulps} ulp`);
  }
});
