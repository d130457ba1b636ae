/** Whatever the library has becomes a graph without faults that holds its program. */
import { type Optimizer, parseJson } from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { streamParams } from "../golden/replay.ts";
import { assertRefused } from "../refused.ts";
import { IN_NO_GRAPH, wrapped, zooOptimizers } from "./everything.ts";
import { faultsOf, metadataOf, typesIn } from "./models.ts";

/** The types that GPUs have, and the one that ONNX's lists are of. */
const ON_GPU = ["FLOAT", "BOOL", "INT64"];

const all: readonly (readonly [string, () => Optimizer])[] = [
  ...Object.entries({ ...zooOptimizers, ...wrapped }).filter(([name]) => !IN_NO_GRAPH.has(name)),
  ...optax32.cases.filter(isKnown).map((spec) => [titleOf(spec), () => optimizerOf(spec)] as const),
];

for (const [name, make] of all) {
  Deno.test(`the graphs of ${name} have no faults and hold the very program`, () => {
    const opt = make();
    for (const inlineFunctions of [false, true]) {
      const bytes = toOnnx(opt, streamParams("float32"), { inlineFunctions });
      assertEquals(faultsOf(bytes), []);
      assert(parseJson(metadataOf(bytes)[METADATA.program]) === opt.program);
    }
    const onGpu = toOnnx(opt, streamParams("float32"), { precision: "float32" });
    assertEquals(faultsOf(onGpu), []);
    assertEquals(typesIn(onGpu).filter((type) => !ON_GPU.includes(type)), []);
  });
}

for (const [name, reason] of IN_NO_GRAPH) {
  Deno.test(`${name} is in no graph, and refused by the operation`, () => {
    assertRefused(() => toOnnx(zooOptimizers[name](), streamParams("float32")), reason);
  });
}
