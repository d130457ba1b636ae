/** Two workers that learn together: as one would who had all examples, and by rounds, in Deno and in a page. */
import { adamw, type Optimizer } from "../mod.ts";
import { OrtTrainer, trainingStep } from "../export/train/mod.ts";
import { examplesFor } from "../examples/several/examples.ts";
import { begin, handOf, learnByGradients, loss } from "../examples/several/learn.ts";
import { serve } from "../examples/several/serve.ts";
import { COUNTS, learn, spelled } from "../examples/several/together.ts";
import { assert, assertEquals } from "./assert.ts";
import { chromiumTest } from "./browser/chromium.ts";

const model = await Deno.readFile(new URL("../docs/classifier.onnx", import.meta.url));
const start = () =>
  new Worker(new URL("../examples/several/worker.ts", import.meta.url), { type: "module" });

/** What one makes who has the examples of all: losses, and parameters in the end. */
async function alone(optimizer: Optimizer, steps: number) {
  const trainer = await OrtTrainer.load(trainingStep(model, optimizer, { loss }));
  const all = examplesFor(COUNTS);
  const batch = {
    x: Float32Array.from(all.flatMap(({ x }) => [...x])),
    y: Int32Array.from(all.flatMap(({ y }) => [...y])),
  };
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainer.step(batch));
  const params = await trainer.params();
  await trainer.dispose();
  return { losses, params };
}

Deno.test("averaged gradients of two workers take the way of one that has all examples", async () => {
  const optimizer = adamw({ learningRate: 0.02, weightDecay: 0.1 });
  const workers = COUNTS.map(start);
  const hands = workers.map((worker, i) => handOf(worker, COUNTS[i]));
  const batches = examplesFor(COUNTS).map(({ x, y }) => ({ x, y }));
  const [params, losses] = await (async () => {
    const params = await begin(hands, model, batches);
    return [params, await learnByGradients(hands, params, optimizer, 20)] as const;
  })().finally(() => {
    // A worker that waits would keep the process.
    for (const worker of workers) worker.terminate();
  });
  const wanted = await alone(optimizer, 20);
  losses.forEach((each, i) =>
    assert(Math.abs(each - wanted.losses[i]) < 1e-5 * wanted.losses[0], `${each} at ${i}`)
  );
  assert(losses[19] < losses[0] / 10);
  for (const [name, { data }] of Object.entries(params)) {
    const other = wanted.params[name].data as Float32Array;
    (data as Float32Array).forEach((value, i) =>
      assert(Math.abs(value - other[i]) < 1e-5, `${name} at ${i}: ${value}, not ${other[i]}`)
    );
  }
});

const inDeno = learn(model, start);

Deno.test("two workers of Deno learn, and rounds reach a loss of 0.05", async () => {
  const { byRounds } = await inDeno;
  assert(byRounds[0] > 1.3 && byRounds.at(-1)! < 0.05, `${byRounds}`);
});

chromiumTest("two workers of a page learn as those of Deno", async (chromium) => {
  await using site = await serve(0);
  const look = "document.getElementById('said').textContent";
  const { report, seen } = await chromium.visit(site.address, { look, patience: 120_000 });
  const inPage = JSON.parse(report);
  const wanted = await inDeno;
  assertEquals(Object.keys(inPage), Object.keys(wanted));
  for (const [way, losses] of Object.entries(wanted)) {
    (losses as number[]).forEach((loss, i) =>
      assert(Math.abs(loss - inPage[way][i]) < 1e-5, `${way} at ${i}: ${inPage[way][i]}`)
    );
  }
  assertEquals(seen, spelled(inPage));
});
