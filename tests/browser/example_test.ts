/** The page of the browser example trains on WebGPU, and comes to the loss of the library itself. */
import { serve } from "../../examples/browser/serve.ts";
import { expectedLoss, optimizers, STEPS } from "../../examples/browser/training.ts";
import { assert, assertEquals } from "../assert.ts";
import { Chromium } from "./chromium.ts";

/** Counts what the page has the GPU do. */
const COUNT = `
  globalThis.counted = { dispatches: 0 };
  const count = (owner, name, what) => {
    const original = owner.prototype[name];
    owner.prototype[name] = function (...given) {
      counted[what]++;
      return original.apply(this, given);
    };
  };
  count(GPUComputePassEncoder, "dispatchWorkgroups", "dispatches");
`;

/** What a person sees in the end, and how many colours each picture has. */
const LOOK = `({
  ...counted,
  ...Object.fromEntries(["step", "loss", "time", "gpu"].map((id) =>
    [id, document.getElementById(id).textContent])),
  colours: ["plane", "curve"].map((id) => {
    const { width, height } = document.getElementById(id);
    const { data } = document.getElementById(id).getContext("2d").getImageData(0, 0, width, height);
    return new Set(new Uint32Array(data.buffer)).size;
  }),
})`;

interface Seen {
  readonly dispatches: number;
  readonly step: string;
  readonly loss: string;
  readonly gpu: string;
  readonly colours: readonly number[];
}

Deno.test("the example trains on WebGPU in a page to the loss that the library reaches", async () => {
  await using chromium = await Chromium.start("webgpu");
  if (chromium === undefined) {
    assert(!Deno.env.has("CI"), "Chromium is required here: it is missing");
    return console.log("Not tested: Chromium is missing (Debian has it as `chromium`)");
  }
  await using site = await serve(0);
  const name = "Lion";
  const visit = await chromium.visit(`${site.address}#${name}`, {
    before: COUNT,
    look: LOOK,
    // In software, beside other tests.
    patience: 120_000,
  });
  const { loss, error } = JSON.parse(visit.report);
  assertEquals(error, undefined);
  const expected = expectedLoss(optimizers[name]);
  // The page's GPU and engine round otherwise than those here.
  assert(
    Math.abs(loss - expected) < 0.02 * expected,
    `a loss of ${loss}, not ${expected}`,
  );
  assert(loss < 0.2, `a loss of ${loss}`);
  const seen = visit.seen as Seen;
  assertEquals(seen.step, `${STEPS} of ${STEPS}`);
  assertEquals(seen.loss, loss.toFixed(4));
  assert(seen.gpu !== "none" && seen.gpu !== "–", seen.gpu);
  // Several operators for each of four arrays, at every step.
  assert(seen.dispatches > 4 * 5 * STEPS, `${seen.dispatches} dispatches`);
  // The plane goes from one kind to the other; the curve is a line on a ground.
  assert(seen.colours[0] > 100 && seen.colours[1] > 3, `${seen.colours} colours`);
  assertEquals(visit.console, []);
});
