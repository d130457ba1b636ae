/** Models of tfjs train, are saved and go on with optimizers of Gradus, on every kind of backend. */
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  polyakSgd,
  sgd,
} from "../../../mod.ts";
import { registerTfjs, toTfjs } from "../../../adapters/tfjs/mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { allBackends, apart, fit, functional, on, sequential, weightsOf } from "./backends.ts";

registerTfjs(tf);
const backends = await allBackends();
const loss = "meanSquaredError";

for (const backend of backends) {
  Deno.test(`a sequential model trains by Adam as by tfjs's own on ${backend}`, async () => {
    await on(backend, async () => {
      const results = [];
      for (
        const optimizer of [
          tf.train.adam(0.01, 0.9, 0.999, 1e-7),
          toTfjs(adam({ learningRate: 0.01, eps: 1e-7 }), tf),
        ]
      ) {
        const model = sequential();
        model.compile({ optimizer, loss });
        results.push({ losses: await fit(model, 20), weights: await weightsOf(model) });
        model.dispose();
        optimizer.dispose();
      }
      const [theirs, ours] = results;
      assert(ours.losses.at(-1)! < 0.5 * ours.losses[0], `losses ${ours.losses}`);
      // Theirs forms the bias corrections in float32, from products of as many factors as there were steps.
      assert(apart(theirs.losses, ours.losses) < 1e-4);
      assert(apart(theirs.weights.flat(), ours.weights.flat()) < 1e-4);
    });
  });

  Deno.test(`a functional model goes on exactly after it was saved and loaded on ${backend}`, async () => {
    const optimizers: Record<string, () => Optimizer> = {
      adamw: () => adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 30 }) }),
      clipped: () => chain(clipByGlobalNorm({ maxNorm: 0.1 }), lion({ learningRate: 0.01 })),
      momentum: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
    };
    for (const make of Object.values(optimizers)) {
      await on(backend, async () => {
        const optimizer = toTfjs(make(), tf);
        const model = functional();
        model.compile({ optimizer, loss });
        let batches = 0;
        await fit(model, 3, { onBatchEnd: () => void batches++ });
        assertEquals([batches, optimizer.iterations], [12, 12]);
        let saved: tf.io.ModelArtifacts | undefined;
        const keep = tf.io.withSaveHandler((artifacts) => {
          saved = JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined }));
          saved!.weightData = artifacts.weightData;
          return Promise.resolve({
            modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" },
          });
        });
        await model.save(keep, { includeOptimizer: true });
        const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
        assertEquals(loaded.optimizer.iterations, 12);
        const [losses, again] = [await fit(model, 3), await fit(loaded, 3)];
        assertEquals(again, losses);
        assertEquals(await weightsOf(loaded), await weightsOf(model));
        optimizer.dispose();
        loaded.optimizer.dispose();
        [model, loaded].forEach((each) => each.dispose());
      });
    }
  });
}

Deno.test("an optimizer that reads the loss is given it by fit", async () => {
  for (const backend of ["cpu", "wasm", "other"]) {
    await on(backend, async () => {
      const optimizer = toTfjs(polyakSgd({ maxLearningRate: 0.05 }), tf);
      const model = sequential();
      model.compile({ optimizer, loss });
      const losses = await fit(model, 15);
      assert(losses.at(-1)! < 0.6 * losses[0], `losses ${losses}`);
      model.dispose();
      optimizer.dispose();
    });
  }
});
