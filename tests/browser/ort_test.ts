/** In a page an ONNX model trains on several threads as it does on one, where the page may have them. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { chromiumTest } from "./chromium.ts";
import { train } from "./ort_train.ts";
import { ISOLATED, serve } from "./site.ts";

const MODEL = new URL("../../docs/classifier.onnx", import.meta.url);
const RUNTIME = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];

/** The losses that all come to. */
let inDeno: Promise<number[]> | undefined;

for (const [threads, isIsolated] of [[2, true], [1, true], [1, false], [2, false]] as const) {
  const what = isIsolated ? "an isolated page" : "a page that is not isolated";
  const does = threads > 1 && !isIsolated ? "is refused" : "trains as in Deno";
  chromiumTest(`an ONNX model on ${threads} threads in ${what} ${does}`, async (chromium) => {
    const beside = import.meta.resolve("onnxruntime-web/wasm");
    const builds = new Map(RUNTIME.map((name) => [name, new URL(name, beside)]));
    builds.set("model.onnx", MODEL);
    const headers = isIsolated ? ISOLATED : {};
    await using site = await serve({ page: "ort_page.ts", headers, builds });
    const visit = await chromium.visit(`${site.address}#${threads}`, { patience: 120_000 });
    const { value, error } = JSON.parse(visit.report);
    if (does === "is refused") {
      assertStringIncludes(error, "`threads` must be 1");
      return;
    }
    assertEquals(error, undefined);
    assertEquals([value.isIsolated, value.workers], [isIsolated, threads - 1]);
    const expected = await (inDeno ??= train(await Deno.readFile(MODEL), 1));
    value.losses.forEach((loss: number, i: number) =>
      assert(Math.abs(loss - expected[i]) < 1e-5 * expected[i], `${loss}, not ${expected[i]}`)
    );
    assert(expected[9] < 0.9 * expected[0]);
  });
}
