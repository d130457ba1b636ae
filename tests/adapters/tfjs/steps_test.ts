/** What a step of an optimizer in tfjs does to variables and to what it keeps, on every kind of backend. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers";
import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  lion,
  muon,
  optimizer,
  required,
  schedule,
  scheduleFreeAdamw,
  sgd,
} from "../../../mod.ts";
import { toTfjs } from "../../../adapters/tfjs/mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { allBackends, apart, numbers, on } from "./backends.ts";

const backends = await allBackends();

function variable(size: number, seed: number, name?: string): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor(numbers(size, seed), [size]), true, name));
}

async function read(tensor: tf.Tensor): Promise<number[]> {
  return [...await tensor.data()];
}

/** One step on the gradients of some squares. */
function step(opt: ReturnType<typeof toTfjs>, ...variables: tf.Variable[]): void {
  opt.minimize(() =>
    tf.sum(tf.stack(variables.map((each) => tf.sum(tf.square(each))))) as tf.Scalar
  );
}

for (const backend of backends) {
  Deno.test(`steps on ${backend} keep the number of tensors, and dispose gives all back`, async () => {
    await tf.setBackend(backend);
    const steps = backend === "webgpu" ? 100 : 1000;
    const chained = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 1e-3 }));
    for (const made of [adam({ learningRate: 1e-3 }), chained]) {
      const before = tf.memory().numTensors;
      const [a, b] = [variable(7, 1), variable(4, 2)];
      const opt = toTfjs(made, tf);
      step(opt, a, b);
      const begun = tf.memory().numTensors;
      for (let i = 1; i < steps; i++) step(opt, a, b);
      assertEquals([tf.memory().numTensors, opt.iterations], [begun, steps]);
      for (let i = 0; i < 3; i++) await opt.getWeights();
      opt.dispose();
      assertEquals(tf.memory().numTensors, before + 2);
      assert((await read(a)).every(Number.isFinite));
      [a, b].forEach((each) => each.dispose());
      assertEquals(tf.memory().numTensors, before);
    }
  });

  Deno.test(`rules say on ${backend} which variables are stepped, and how leaves are seen`, async () => {
    await tf.setBackend(backend);
    const [a, b] = [variable(2, 1, "norm/scale"), variable(2, 2, "dense/kernel")];
    const begun = await read(b);
    const mask = { match: [["norm*", false], ["*", true]] } as const;
    const some = toTfjs(adamw({ learningRate: 0.25, weightDecay: 2, b1: 0, mask }), tf);
    some.applyGradients({ [a.name]: tf.zerosLike(a), [b.name]: tf.zerosLike(b) });
    const still = await read(a);
    assertEquals(still, [...numbers(2, 1)]);
    assertEquals(await read(b), begun.map((x) => x / 2));
    some.dispose();
    for (const matrices of [{ match: [["*", "flatten"]] }, { reductionAxis: 0 }] as const) {
      const opt = toTfjs(muon({ learningRate: 0.25, matrices }), tf);
      if ("match" in matrices) step(opt, a, b);
      else assertThrows(() => step(opt, a, b), Error, "must be of axes that it has");
      opt.dispose();
    }
    assert((await read(a))[0] !== still[0]);
    [a, b].forEach((each) => each.dispose());
  });

  Deno.test(`a variable without a gradient waits on ${backend}, and so does its state`, async () => {
    await on(backend, async () => {
      const opt = toTfjs(adam({ learningRate: 0.1 }), tf);
      const [a, b, frozen] = [variable(3, 1), variable(3, 2), variable(3, 3)];
      frozen.trainable = false;
      step(opt, a, b);
      const values = await read(b);
      const moments = async () =>
        await Promise.all(
          (await opt.getWeights()).filter(({ name }) => name.startsWith(`${b.name}/`)).map(
            ({ tensor }) => read(tensor),
          ),
        );
      const kept = await moments();
      const still = await read(frozen);
      opt.minimize(() => tf.sum(tf.square(a)) as tf.Scalar, false, [a, b, frozen]);
      opt.applyGradients([{ name: a.name, tensor: a }, {
        name: b.name,
        tensor: null as unknown as tf.Tensor,
      }]);
      opt.applyGradients({ [frozen.name]: a });
      assertEquals([kept.length, await read(b), await moments()], [2, values, kept]);
      assertEquals([await read(frozen), opt.iterations], [still, 3]);
      step(opt, a, b);
      assert(apart(await read(b), values) > 0.01);
      opt.dispose();
      [a, b, frozen].forEach((each) => each.dispose());
    });
  });

  Deno.test(`a variable that comes later begins then on ${backend}, and others go on`, async () => {
    await on(backend, async () => {
      const [a, alone, late] = [variable(5, 1), variable(5, 1), variable(3, 2)];
      const made = chain(lion({ learningRate: 0.1 }), scheduleFreeAdamw({ learningRate: 0.1 }));
      const [opt, other] = [toTfjs(made, tf), toTfjs(made, tf)];
      for (let i = 0; i < 3; i++) [step(opt, a), step(other, alone)];
      const begun = await read(late);
      step(opt, a, late), step(other, alone);
      assertEquals(await read(a), await read(alone));
      assert(apart(await read(late), begun) > 1e-3);
      late.dispose();
      step(opt, a), step(other, alone);
      assertEquals(await read(a), await read(alone));
      [opt, other].forEach((each) => each.dispose());
      [a, alone].forEach((each) => each.dispose());
    });
  });

  Deno.test(`what shares a variable's numbers on ${backend} keeps them`, async () => {
    await on(backend, async () => {
      const a = variable(5, 1);
      const opt = toTfjs(sgd({ learningRate: 0.1 }), tf);
      const clones = [];
      for (let i = 0; i < 4; i++) {
        clones.push({ clone: a.clone(), values: await read(a) });
        step(opt, a);
      }
      for (const { clone, values } of clones) assertEquals(await read(clone), values);
      assertEquals(new Set(clones.map(({ values }) => values[0])).size, 4);
      const given = tf.tensor([1, 2, 3, 4, 5]);
      a.assign(given);
      step(opt, a);
      assert(apart(await read(a), [0.8, 1.6, 2.4, 3.2, 4]) < 1e-6);
      assertEquals(await read(given), [1, 2, 3, 4, 5]);
      opt.dispose();
      a.dispose();
    });
  });
}

Deno.test("backends give the same losses, where packed weights are kept and where not", async () => {
  const losses = new Map<string, number[]>();
  for (const backend of backends) {
    await on(backend, async () => {
      const inner = tf.variable(tf.tensor2d(numbers(48, 1), [8, 6]));
      const outer = tf.variable(tf.tensor2d(numbers(6, 2), [6, 1]));
      const x = tf.tensor2d(numbers(80, 3), [10, 8]);
      const opt = toTfjs(adam({ learningRate: 0.05 }), tf);
      const of: number[] = [];
      for (let i = 0; i < 60; i++) {
        const loss = opt.minimize(() => {
          const y = tf.matMul(tf.tanh(tf.matMul(x, inner as tf.Tensor2D)), outer as tf.Tensor2D);
          return tf.mean(tf.square(tf.sub(y, 1))) as tf.Scalar;
        }, true)!;
        of.push((await loss.data())[0]);
      }
      losses.set(backend, of);
      assert(of.at(-1)! < 0.05 * of[0], `losses ${of}`);
      opt.dispose();
      [inner, outer].forEach((each) => each.dispose());
    });
  }
  for (const [backend, of] of losses) {
    assert(apart(of, losses.get("cpu")!) < 1e-4, `${backend}: ${of}, not ${losses.get("cpu")}`);
  }
});

Deno.test("variables that were made of one tensor are stepped each for itself", async () => {
  for (const backend of backends) {
    await on(backend, async () => {
      const tensor = tf.tensor([1, 2]);
      const [a, b] = [tf.variable(tensor), tf.variable(tensor)];
      const opt = toTfjs(sgd({ learningRate: 0.5, momentum: 0.5 }), tf);
      // A gradient of one, which is what both are made of.
      tf.tidy(() => opt.applyGradients({ [a.name]: tensor, [b.name]: tf.neg(tensor) }));
      tf.tidy(() => opt.applyGradients({ [a.name]: tf.zeros([2]), [b.name]: a }));
      assertEquals(await read(tensor), [1, 2]);
      assertEquals([...await read(a), ...await read(b)], [0.25, 0.5, 1.5, 3]);
      // Where they wait while another is stepped, they may share one again.
      const c = tf.variable(tf.tensor([1, 2]));
      [a, b].forEach((each) => each.assign(tensor));
      tf.tidy(() => opt.applyGradients({ [c.name]: tensor }));
      assertEquals(await read(c), [0.5, 1]);
      tf.tidy(() => opt.applyGradients({ [a.name]: tf.zeros([2]), [c.name]: a }));
      assertEquals([...await read(a), ...await read(b)], [0.875, 1.75, 1, 2]);
      [opt, a, b, c].forEach((each) => each.dispose());
    });
  }
});

Deno.test("trees by name may name variables that are stepped later, and that are gone", async () => {
  for (const backend of backends) {
    await on(backend, async () => {
      const [a, b, c] = [1, 2, 3].map((x) => tf.variable(tf.tensor([x])));
      const rates = { [a.name]: 0.5, [b.name]: 0.25, [c.name]: schedule("0.125*count") };
      const decays = { [a.name]: true, [b.name]: false, [c.name]: true };
      const opt = toTfjs(adamw({ learningRate: rates, mask: decays, weightDecay: 0.5, b1: 0 }), tf);
      const ones = (...all: tf.Variable[]) =>
        tf.tidy(() => opt.applyGradients(all.map(({ name }) => ({ name, tensor: tf.ones([1]) }))));
      const near = async (variable: tf.Variable, expected: number) => {
        const [actual] = await variable.data();
        assert(Math.abs(actual - expected) < 1e-3, `${actual} on ${backend}, not ${expected}`);
      };
      ones(a); // -0.5*(1 + 0.5*1)
      await near(a, 0.25);
      ones(b, c); // their v begins now, and is corrected for two steps: 1/sqrt(0.001/0.001999)
      await near(b, 2 - 0.25 * 1.4139);
      await near(c, 3 - 0.125 * (1.4139 + 0.5 * 3));
      const before = [...await c.data()];
      b.dispose();
      ones(a, c);
      assert((await c.data())[0] < before[0] - 0.1);
      const { [a.name]: ofA, [c.name]: ofC } = opt.evaluationParams();
      assertEquals([...await ofA.data(), ...await ofC.data()], [
        ...await read(a),
        ...await read(c),
      ]);
      [opt, a, c].forEach((each) => each.dispose());
    });
  }
});

Deno.test("an optimizer goes on where the backend is changed between steps", async () => {
  const made = () => chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate: 0.1 }));
  const train = async (order: readonly string[]) => {
    await tf.setBackend(order[0]);
    const [a, opt] = [variable(6, 1), toTfjs(made(), tf)];
    for (const backend of order) {
      await tf.setBackend(backend);
      step(opt, a);
      step(opt, a);
    }
    const result = [...await read(a), opt.iterations];
    opt.dispose();
    a.dispose();
    return result;
  };
  const expected = await train(["cpu", "cpu", "cpu", "cpu", "cpu"]);
  const actual = await train(["cpu", "wasm", "other", "wasm", "cpu"]);
  assertEquals(actual.at(-1), 10);
  assert(apart(actual, expected) < 1e-5, `${actual}, not ${expected}`);
});

if (backends.includes("webgpu")) {
  Deno.test("a state that is on the GPU is brought to another backend by its weights", async () => {
    await tf.setBackend("webgpu");
    const [a, alone] = [variable(6, 1), variable(6, 1)];
    const made = adam({ learningRate: 0.1 });
    const [opt, other] = [toTfjs(made, tf), toTfjs(made, tf)];
    step(opt, a);
    await opt.setWeights(await opt.getWeights());
    await a.data();
    await tf.setBackend("cpu");
    step(other, alone);
    for (let i = 0; i < 3; i++) [step(opt, a), step(other, alone)];
    assertEquals(opt.iterations, 4);
    assert(apart(await read(a), await read(alone)) < 1e-5);
    [opt, other, a, alone].forEach((each) => each.dispose());
  });
}

Deno.test("the learning rate is read and set as on tfjs's optimizers", async () => {
  await on("cpu", async () => {
    const a = variable(1, 1);
    const opt = toTfjs(sgd({ learningRate: (count) => 1 / (count + 2) }), tf);
    assertEquals(opt.learningRate, 0.5);
    const steps: number[] = [];
    const by = async () => {
      const [before] = await read(a);
      opt.applyGradients({ [a.name]: tf.onesLike(a) });
      steps.push(Math.round(1000 * (before - (await read(a))[0])) / 1000);
    };
    await by();
    await by();
    opt.learningRate = 0.25;
    await by();
    opt.setLearningRate(0.125);
    assertEquals([opt.learningRate, opt.hyper.learningRate], [0.125, 0.125]);
    await by();
    delete opt.hyper.learningRate;
    await by();
    assertEquals(steps, [0.5, 0.333, 0.25, 0.125, 0.167]);
    opt.dispose();
    a.dispose();
  });
});

Deno.test("further inputs are given by applyGradients: numbers, and tensors by variable", async () => {
  const made = optimizer({
    name: "curved",
    hyper: { learningRate: required },
    inputs: { scale: "scalar", curvature: "element" },
    step: "u = -learningRate*scale*g/curvature",
  })({ learningRate: 1 });
  for (const backend of backends) {
    await on(backend, async () => {
      const a = tf.variable(tf.tensor([1, 2]));
      const opt = toTfjs(made, tf);
      const gradients = { [a.name]: tf.tensor([1, 1]) };
      opt.applyGradients(gradients, { scale: 2, curvature: { [a.name]: tf.tensor([4, 2]) } });
      assertEquals(await read(a), [0.5, 1]);
      assertThrows(() => opt.applyGradients(gradients, { scale: 2 }), Error, "`curvature`");
      assertThrows(
        () => opt.applyGradients(gradients, { curvature: gradients }),
        Error,
        "input `scale` must be given as a number",
      );
      assertEquals([await read(a), opt.iterations], [[0.5, 1], 1]);
      opt.dispose();
      a.dispose();
    });
  }
});

Deno.test("a program that shaders do not compute runs by tfjs's operations on its GPU", async () => {
  if (!backends.includes("webgpu")) return;
  const results: number[][] = [];
  for (const backend of ["cpu", "webgpu"]) {
    await on(backend, async () => {
      const a = tf.variable(tf.tensor(numbers(12, 1), [3, 4]));
      const opt = toTfjs(muon({ learningRate: 0.1 }), tf);
      for (let i = 0; i < 3; i++) step(opt, a);
      results.push(await read(a));
      opt.dispose();
      a.dispose();
    });
  }
  assert(apart(results[0], results[1]) < 1e-3, `${results[1]}, not ${results[0]}`);
});
