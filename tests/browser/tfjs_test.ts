/** In a page a model of tfjs trains with an optimizer of Gradus as it does in Deno. */
import { assert, assertEquals } from "../assert.ts";
import { chromiumTest } from "./chromium.ts";
import { serve } from "./site.ts";
import { train, type Trained } from "./tfjs_train.ts";

/** How far losses and weights may be apart: products of matrices are summed in another order. */
const TOLERANCE = 1e-4;
const BUILD = "tfjs-backend-wasm-simd.wasm";

function apart(a: readonly number[], b: readonly number[]): number {
  assertEquals(a.length, b.length);
  return Math.max(...a.map((x, i) => Math.abs(x - b[i])));
}

const WHAT = "a model of tfjs trains in a page on WebGPU and WebAssembly as it does on cpu";
chromiumTest(WHAT, async (chromium) => {
  const built = new URL(BUILD, import.meta.resolve("@tensorflow/tfjs-backend-wasm"));
  await using site = await serve({ page: "tfjs_page.ts", builds: new Map([[BUILD, built]]) });
  const expected = await train("cpu");
  assert(expected.losses.at(-1)! < 0.5 * expected.losses[0], `losses ${expected.losses}`);
  // An average of the way lags behind.
  assert(Math.abs(expected.averaged - expected.losses.at(-1)!) > 10 * TOLERANCE);
  for (const backend of ["cpu", "wasm", "webgpu"]) {
    // In software, beside other tests.
    const visit = await chromium.visit(`${site.address}#${backend}`, { patience: 120_000 });
    const { value, error } = JSON.parse(visit.report);
    assertEquals(error, undefined);
    if (value === "no adapter") {
      console.log("Not tested on webgpu: Chromium has no WebGPU adapter");
      continue;
    }
    const { backend: computed, left, ...trained } = value as Trained;
    assertEquals([computed, left], [backend, 0]);
    for (const part of ["losses", "weights", "averaged"] as const) {
      const far = apart([trained[part]].flat(), [expected[part]].flat());
      assert(far < TOLERANCE, `${part} on ${backend} are ${far} apart`);
    }
  }
}, "webgpu");
