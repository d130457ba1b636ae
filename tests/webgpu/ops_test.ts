/** Each op's WGSL against its meaning, on the edges of the format. */
import { elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { assert, assertEquals } from "../assert.ts";
import { edges32 } from "../numbers.ts";
import { gpuTest, onGpu } from "./gpu.ts";
import { choices, compare, optimizerOf } from "./meaning.ts";

const NUMBERS = [...edges32, 0.999, 1e-3, 7, 30, -0.1];

for (const name of Object.keys(elementOps) as ElementOpName[]) {
  gpuTest(`on the GPU, ${name} means what it means`, async () => {
    const row = elementOps[name];
    const { compared, wrong } = await onGpu(
      optimizerOf(row),
      (gpu) => compare(gpu, name, choices(NUMBERS, row.takes.length)),
    );
    assert(compared >= 20, `only ${compared} results were compared`);
    assertEquals(wrong.slice(0, 10), [], `${wrong.length} of ${compared}`);
  });
}
