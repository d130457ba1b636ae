/** The kernels that programs become, on one page: a change of them shows here. */
import { chain, clipByGlobalNorm, lion, type Optimizer, sgd } from "../../mod.ts";
import { elaborate, globalsRead } from "../../dsl/graph.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { Layout } from "../../runtime/trees/layout.ts";
import { asLeaf } from "../../runtime/trees/leaf.ts";
import type { Features } from "../../runtime/backends/webgpu/features.ts";
import { codeOf } from "../../runtime/backends/webgpu/kernel.ts";
import { elementKernel } from "../../runtime/backends/webgpu/element_loop.ts";
import { plansOf } from "../../runtime/devices/webgpu/plans.ts";
import { assertSnapshot } from "@std/testing/snapshot";
import { assertEquals } from "../assert.ts";

/** Where the snapshots are, also when the tests run together with others. */
const snapshots = {
  path: new URL("__snapshots__/source_test.ts.snap", import.meta.url).pathname,
};

const NONE: Features = { subgroups: false, float16: false };

/** The kernels of an optimizer's loops over elements, four numbers at once. */
function kernels({ program, settings }: Optimizer, features = NONE): string[] {
  const params = { w: new Float32Array(8) };
  const layout = Layout.of(params, "", asLeaf);
  const binding = new Binding(program, settings, layout, params, "");
  const keys = [{ structural: binding.groups[0].structural, guards: [] }];
  assertEquals(globalsRead(elaborate(program)).size <= 1, true);
  const [group] = plansOf({ binding, program, keys, late: [] }, "step", new Set(), new Map(), "");
  return group.plan.phases.flat().filter(({ extent }) => extent === "element")
    .map((loop) => codeOf(elementKernel(group, loop, 4), features));
}

Deno.test("the kernel of Lion", async (t) => {
  await assertSnapshot(t, kernels(lion({ learningRate: 0.1 })).join("\n"), snapshots);
});

Deno.test("the kernels of a clipped descent: a sum of squares, and the step", async (t) => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), sgd({ learningRate: 0.1 }));
  await assertSnapshot(t, kernels(opt).join("\n"), snapshots);
});

Deno.test("the sum of squares on a device with subgroups", async (t) => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), sgd({ learningRate: 0.1 }));
  const [code] = kernels(opt, { subgroups: true, float16: true });
  await assertSnapshot(t, code, snapshots);
});

Deno.test("no name of a program reaches a kernel", () => {
  const [code] = kernels(lion({ learningRate: 0.1 }));
  for (const name of ["lion", "learningRate", "weightDecay", "b1"]) {
    assertEquals(code.includes(name), false);
  }
});
