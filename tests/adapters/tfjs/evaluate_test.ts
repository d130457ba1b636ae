/** Models of tfjs are evaluated with what their optimizers keep for that, and train on from where they were. */
import * as tf from "@tensorflow/tfjs-core";
import {
  adamw,
  averageParams,
  chain,
  clipByGlobalNorm,
  GradusError,
  lion,
  lookahead,
  muon,
  type Optimizer,
  scheduleFreeAdamw,
  sgd,
  type Tensor,
} from "../../../mod.ts";
import { toTfjs } from "../../../adapters/tfjs/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import { allBackends, apart, data, fit, numbers, on, sequential, weightsOf } from "./backends.ts";

const backends = await allBackends();
const SHAPES = [[2, 3], [], [0, 4], [5]];
const made: Record<string, Optimizer> = {
  "schedule-free AdamW": scheduleFreeAdamw({ learningRate: 0.1, b1: 0.9 }),
  "an average of Lion": averageParams(lion({ learningRate: 0.1 }), { decay: 0.9 }),
  "a chain of lookahead": chain(
    clipByGlobalNorm({ maxNorm: 1 }),
    lookahead(sgd({ learningRate: 0.5, momentum: 0.9 }), { syncPeriod: 4, slowStepSize: 0.5 }),
  ),
  "AdamW, which averages nothing": adamw({ learningRate: 0.1 }),
  "an average of Muon, which no shader computes": averageParams(muon({ learningRate: 0.1 }), {
    decay: 0.9,
  }),
};
const loss = "meanSquaredError";

function variables(): tf.Variable[] {
  return tf.tidy(() =>
    SHAPES.map((shape, i) =>
      tf.variable(tf.tensor(numbers(tf.util.sizeFromShape(shape), i), shape))
    )
  );
}

/** The numbers of tensors, which are given back. */
async function taken(tensors: readonly tf.Tensor[]): Promise<number[]> {
  const read = await Promise.all(tensors.map((each) => each.data()));
  tensors.forEach((each) => each.dispose());
  return read.flatMap((each) => [...each]);
}

function step(opt: Pick<tf.Optimizer, "applyGradients">, all: readonly tf.Variable[]): void {
  tf.tidy(() =>
    opt.applyGradients(
      all.map((each, i) => ({ name: each.name, tensor: tf.add(each, (i + 1) / 8) })),
    )
  );
}

for (const backend of backends) {
  // Tensors are float32 there, and sums of squares are added in another order.
  const tolerance = ["cpu", "wasm"].includes(backend) ? 0 : 2e-5;

  Deno.test(`variables are evaluated as arrays are by the library on ${backend}`, async () => {
    for (const [name, optimizer] of Object.entries(made)) {
      await on(backend, async () => {
        const all = variables();
        const opt = toTfjs(optimizer, tf);
        const params: Record<string, Tensor> = {};
        for (const { name, shape } of all) {
          params[name] = { data: new Float32Array(tf.util.sizeFromShape(shape)), shape };
        }
        for (const each of all) params[each.name].data.set(await each.data());
        const state = optimizer.init(params);
        for (let k = 0; k < 6; k++) {
          const gradients = Object.fromEntries(all.map(({ name }, i) => {
            const { data, shape } = params[name];
            return [name, { data: data.map((x) => x + (i + 1) / 8), shape }];
          }));
          optimizer.step(params, gradients, state);
          step(opt, all);
        }
        const before = await Promise.all(all.map((each) => each.data()));
        const evaluated = opt.evaluationParams();
        const expected = optimizer.evaluationParams(params, state);
        for (const [i, { name: variable, shape }] of all.entries()) {
          const tensor = evaluated[variable];
          assertEquals([tensor.shape, before[i].length], [shape, all[i].size]);
          const far = apart([...await tensor.data()], [...expected[variable].data]);
          assert(far <= tolerance, `${name}: ${far} apart at ${variable}`);
          assertEquals(await all[i].data(), before[i]);
        }
        assertEquals(Object.keys(evaluated).length, all.length);
        tf.dispose(evaluated);
        opt.dispose();
        all.forEach((each) => each.dispose());
      });
    }
  });

  Deno.test(`a model that is evaluated trains on as if it had not been on ${backend}`, async () => {
    const optimizer = made["schedule-free AdamW"];
    const results: number[][][] = [];
    for (const isEvaluated of [false, true]) {
      await on(backend, async () => {
        const [model, opt] = [sequential(), toTfjs(optimizer, tf)];
        model.compile({ optimizer: opt, loss });
        const seen: number[] = [];
        const onEpochEnd = async () => {
          if (!isEvaluated) return;
          const own = await weightsOf(model);
          const { x, y } = data();
          const at = () => model.evaluate(x, y) as tf.Scalar;
          const [other] = await taken([opt.withEvaluationParams(at)]);
          seen.push(other);
          const weights = await opt.withEvaluationParams(() => weightsOf(model));
          assert(apart(weights.flat(), own.flat()) > 1e-3);
          const evaluated = opt.evaluationParams();
          const variables = model.trainableWeights.map((each) => each.read() as tf.Variable);
          const averages = variables.map(({ name }) => evaluated[name]);
          assertEquals(await taken(averages), weights.flat());
          assertEquals(await weightsOf(model), own);
          assert(other !== (await taken([at()]))[0]);
          [x, y].forEach((each) => each.dispose());
        };
        const losses = await fit(model, 3, { onEpochEnd });
        assertEquals(seen.length, isEvaluated ? 3 : 0);
        results.push([losses, ...await weightsOf(model)]);
        opt.dispose();
        model.dispose();
      });
    }
    assertEquals(results[1], results[0]);
  });
}

Deno.test("variables have their own numbers again after an error, and no step is made meanwhile", async () => {
  for (const backend of backends) {
    await on(backend, async () => {
      const all = variables();
      const opt = toTfjs(made["schedule-free AdamW"], tf);
      const read = () => Promise.all(all.map((each) => each.data()));
      for (let k = 0; k < 3; k++) step(opt, all);
      const own = await read();
      for (
        const [run, why] of [
          [() => step(opt, all), "Cannot step by"],
          [() => opt.evaluationParams(), "Cannot evaluate by"],
          [() => opt.withEvaluationParams(() => {}), "Cannot evaluate by"],
        ] as const
      ) {
        const error = assertThrows(() => opt.withEvaluationParams(run), GradusError, why);
        assert(error.message.includes("must hold their own numbers"), error.message);
        assertEquals(await read(), own);
      }
      const late = opt.withEvaluationParams(() => Promise.reject(new Error("late")));
      assertThrows(() => step(opt, all), GradusError, "must hold their own numbers");
      await assertRejects(() => late, Error, "late");
      assertEquals([await read(), opt.iterations], [own, 3]);
      // What goes meanwhile is not missed, and a state that goes neither.
      opt.withEvaluationParams(() => all.pop()!.dispose());
      opt.withEvaluationParams(() => opt.dispose());
      assertEquals(await read(), own.slice(0, -1));
      all.forEach((each) => each.dispose());
    });
  }
});

Deno.test("weights that were set are evaluated when it is told whose they are", async () => {
  for (const backend of backends) {
    await on(backend, async () => {
      const all = variables();
      const make = () => toTfjs(made["an average of Lion"], tf);
      const [opt, other] = [make(), make()];
      assertEquals(opt.evaluationParams(), {});
      const own = await Promise.all(all.map((each) => each.data()));
      const plain = await taken(valuesOf(opt, all));
      assertEquals(plain, own.flatMap((each) => [...each]));
      for (let k = 0; k < 4; k++) step(opt, all);
      const expected = await taken(valuesOf(opt, all));
      await other.setWeights(await opt.getWeights());
      assertThrows(() => other.evaluationParams(), GradusError, "or `varList` must");
      assertEquals(await taken(valuesOf(other, all)), expected);
      assertEquals(await taken(valuesOf(other, all.slice(3))), expected.slice(-5));
      assertEquals(other.iterations, 4);
      step(opt, all);
      const next = await taken(all.map((each) => each.clone()));
      assertEquals(next.length, expected.length);
      const gone = tf.variable(tf.scalar(1));
      gone.dispose();
      assertThrows(() => opt.evaluationParams([gone]), GradusError, "is no variable");
      [opt, other, ...all].forEach((each) => each.dispose());
    });
  }
});

Deno.test("a state goes to the backend where variables are evaluated", async () => {
  await tf.setBackend("cpu");
  const all = variables();
  using opt = toTfjs(made["an average of Lion"], tf);
  for (let k = 0; k < 4; k++) step(opt, all);
  const expected = await taken(valuesOf(opt, all));
  for (const backend of ["wasm", "other", "cpu"]) {
    await tf.setBackend(backend);
    const evaluated = opt.evaluationParams();
    assertEquals(await taken(all.map(({ name }) => evaluated[name])), expected);
  }
  all.forEach((each) => each.dispose());
});

function valuesOf(opt: ReturnType<typeof toTfjs<typeof tf>>, all: tf.Variable[]): tf.Tensor[] {
  const evaluated = opt.evaluationParams(all);
  return all.map(({ name }) => evaluated[name]);
}
