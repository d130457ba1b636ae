/** Whatever the library has is exported, loads, runs and gives the numbers that the interpreter defines. */
import { type Optimizer, parseJson } from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { streamParams } from "../golden/replay.ts";
import { assertRefused } from "../refused.ts";
import { partingOf } from "./along.ts";
import { RANDOM, wrapped, zooOptimizers } from "./everything.ts";
import { faultsOf, metadataOf, typesIn } from "./models.ts";

/** The types that GPUs have, and the one that ONNX's lists are of. */
const ON_GPU = ["FLOAT", "BOOL", "INT64"];

/** Programs whose sums cancel, so that the last digits of float32 are the first of their results. */
const CANCELS = ["lbfgs", "scaleByLbfgs"];

/** Programs with an operation that ONNX Runtime computes in another way than the library does. */
const INEXACT = ["smoothLion"];

async function assertRuns(opt: Optimizer, tolerance: number, inlineFunctions = false) {
  const bytes = toOnnx(opt, streamParams("float32"), { inlineFunctions });
  assertEquals(faultsOf(bytes), []);
  assert(parseJson(metadataOf(bytes)[METADATA.program]) === opt.program);
  const { error, place } = await partingOf(opt, bytes, "float32");
  assert(error <= tolerance, `${error} of scale at ${place}`);
}

for (const [name, make] of Object.entries(zooOptimizers)) {
  if (RANDOM.includes(name)) {
    Deno.test(`${name} draws random numbers and is not exported`, () => {
      assertRefused(
        () => toOnnx(make(), streamParams("float32")),
        `Cannot export "${name}" to ONNX`,
        "random numbers",
      );
    });
    continue;
  }

  const isExact = !INEXACT.includes(name);
  Deno.test(`${name} in ONNX Runtime is what the interpreter defines`, async () => {
    // Sums are accumulated in float64, in another order: rounded to float32 they are the same.
    await assertRuns(make(), isExact ? 0 : 2e-6);
  });

  Deno.test(`${name} in float64 in ONNX Runtime is what the interpreter defines`, async () => {
    const opt = make();
    const { error, place } = await partingOf(opt, toOnnx(opt, streamParams("float64")), "float64");
    assert(error < 1e-12, `${error} of scale at ${place}`);
  });
}

for (const [name, make] of Object.entries({ ...zooOptimizers, ...wrapped })) {
  if (RANDOM.includes(name)) continue;
  Deno.test(`${name} without any float64 comes near to what the interpreter defines`, async () => {
    const bytes = toOnnx(make(), streamParams("float32"), { precision: "float32" });
    assertEquals(faultsOf(bytes), []);
    assertEquals(typesIn(bytes).filter((type) => !ON_GPU.includes(type)), []);
    const { error, place } = await partingOf(make(), bytes, "float32");
    assert(error <= (CANCELS.includes(name) ? 1e-4 : 1e-5), `${error} of scale at ${place}`);
  });
}

for (const [name, make] of Object.entries(wrapped)) {
  Deno.test(`${name} in ONNX Runtime is what the interpreter defines`, async () => {
    // States over the tree are float64, where the order of a sum can be seen.
    await assertRuns(make(), 1e-15);
    await assertRuns(make(), 1e-15, true);
  });
}

for (const each of optax32.cases.filter(isKnown)) {
  Deno.test(`${titleOf(each)} in ONNX Runtime is what the interpreter defines`, async () => {
    await assertRuns(optimizerOf(each), 0, true);
  });
}
