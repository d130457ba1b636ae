/** What an optimizer in tfjs saves, and what it takes up: weights, settings, and those of tfjs's own Adam. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers";
import {
  adam,
  adamw,
  applyIfFinite,
  chain,
  cosineDecaySchedule,
  GradusError,
  lion,
  multiSteps,
  type Optimizer,
  sgd,
} from "../../../mod.ts";
import { registerTfjs, type TfjsOptimizer, toTfjs } from "../../../adapters/tfjs/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../assert.ts";
import { apart, BACKENDS, numbers, on } from "./backends.ts";

registerTfjs(tf);

type Steps = Pick<tf.Optimizer, "applyGradients">;
type Named = Awaited<ReturnType<tf.Optimizer["getWeights"]>>[number];

function variables(): tf.Variable[] {
  return tf.tidy(() =>
    [tf.tensor(numbers(6, 1), [2, 3]), tf.tensor(numbers(3, 2), [3])].map((each) =>
      tf.variable(each)
    )
  );
}

function step(opt: Steps, all: readonly tf.Variable[], times = 1): void {
  for (let i = 0; i < times; i++) {
    tf.tidy(() =>
      opt.applyGradients(
        all.map((each) => ({ name: each.name, tensor: tf.add(tf.square(each), 0.5) })),
      )
    );
  }
}

async function read(all: readonly tf.Variable[]): Promise<number[]> {
  return (await Promise.all(all.map((each) => each.data()))).flatMap((data) => [...data]);
}

/** What tfjs's files hold of an optimizer, gone through as tfjs does when it reads one. */
function loaded(opt: TfjsOptimizer): TfjsOptimizer {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const [cls, fromConfig] = classNameMap[opt.getClassName()];
  const config = Object.fromEntries(
    Object.entries(JSON.parse(JSON.stringify(opt.getConfig()))).map(([key, text]) => {
      const named = (text as string).replace(/[_]+(\w|$)/g, (_, letter) => letter.toUpperCase());
      return [key, named];
    }),
  );
  return fromConfig(cls, { ...config, customObjects: {} }) as unknown as TfjsOptimizer;
}

for (const backend of BACKENDS) {
  Deno.test(`states of tfjs's Adam are taken up, and it takes up those of ours, on ${backend}`, async () => {
    await on(backend, async () => {
      const theirs = () => tf.train.adam(0.1, 0.9, 0.99, 1e-7);
      const ours = () => toTfjs(adam({ learningRate: 0.1, b2: 0.99, eps: 1e-7 }), tf);
      for (const [from, to] of [[theirs, ours], [ours, theirs]]) {
        const [a, b] = [variables(), variables()];
        const [first, second, reference] = [from(), to(), from()];
        step(first, a, 4);
        step(reference, b, 4);
        const weights = await first.getWeights();
        assertEquals(weights.map(({ name }) => name), [
          "iter",
          ...["m", "v"].flatMap((state) => a.map(({ name }) => `${name}/${state}`)),
        ]);
        assertEquals([...await weights[0].tensor.data()], [4]);
        await second.setWeights(weights);
        assertEquals(second.iterations, 4);
        step(second, a, 4);
        step(reference, b, 4);
        assert(apart(await read(a), await read(b)) < 1e-5);
        [first, second, reference].forEach((each) => each.dispose());
        [...a, ...b].forEach((each) => each.dispose());
      }
    });
  });

  Deno.test(`every kind of setting and state is saved and goes on exactly on ${backend}`, async () => {
    const names = (value: (i: number) => unknown) => (all: readonly tf.Variable[]) =>
      Object.fromEntries(all.map(({ name }, i) => [name, value(i)]));
    const decays = names((i) => i === 0);
    const rates = names((i) => 0.1 * (i + 1));
    const made: ((all: readonly tf.Variable[]) => Optimizer)[] = [
      (all) =>
        adamw({
          learningRate: rates(all) as Record<string, number>,
          mask: decays(all) as Record<string, boolean>,
          b1: cosineDecaySchedule({ initValue: 0.9, decaySteps: 10 }),
        }),
      () =>
        multiSteps(chain(lion({ learningRate: 0.1 }), sgd({ learningRate: 1, momentum: 0.5 })), {
          everyKSchedule: 3,
        }),
      () => applyIfFinite(adam({ learningRate: 0.1 }), { maxConsecutiveErrors: 5 }),
      ...(backend === "other" ? [] : [
        () => adam({ learningRate: 0.1, muDtype: { dtype: "bfloat16", rounding: "stochastic" } }),
        () => adam({ learningRate: 0.1, muDtype: "bfloat16+8" as const }),
      ]),
    ];
    for (const make of made) {
      await on(backend, async () => {
        const all = variables();
        const opt = toTfjs(make(all), tf);
        step(opt, all, 4);
        if ("learningRate" in opt.hyper) opt.hyper.learningRate = 0.2;
        const [begun, copy] = [await read(all), loaded(opt)];
        await copy.setWeights(await opt.getWeights());
        step(opt, all, 4);
        const expected = await read(all);
        assert(apart(expected, begun) > 1e-3);
        let from = 0;
        for (const each of all) {
          const part = begun.slice(from, from += each.size);
          tf.tidy(() => each.assign(tf.tensor(part, each.shape)));
        }
        step(copy as unknown as Steps, all, 4);
        assertEquals(await read(all), expected);
        assertEquals(copy.getConfig(), opt.getConfig());
        [opt, copy, ...all].forEach((each) => each.dispose());
      });
    }
  });
}

Deno.test("weights find their variables by name, whatever the order, and others begin", async () => {
  await on("cpu", async () => {
    const [[a, b], [c, d]] = [variables(), variables()];
    d.dispose();
    const made = () => toTfjs(sgd({ learningRate: 0.1, momentum: 0.9 }), tf);
    const [first, second] = [made(), made()];
    step(first, [a, b], 2);
    await second.setWeights(await first.getWeights());
    step(second, [c, b]);
    const names = (await second.getWeights()).map(({ name }) => name);
    assertEquals(names, ["iter", ...[c, b, a].map(({ name }) => `${name}/m`)]);
    [first, second, a, b, c].forEach((each) => each.dispose());
  });
});

Deno.test("weights that are not of the optimizer are refused, and nothing is changed", async () => {
  await on("cpu", async () => {
    const all = variables();
    const opt = toTfjs(adam({ learningRate: 0.1 }), tf);
    step(opt, all, 2);
    const weights = await opt.getWeights();
    const named = (name: string, tensor: tf.Tensor) => ({ name, tensor });
    const [iter, ...others] = weights;
    const bad: [Named[], string][] = [
      [[], "the first must be `iter`"],
      [[named("iter", tf.scalar(-1))], "a whole number: given -1"],
      [[named("iter", tf.tensor([1, 2])), ...others] as Named[], "given several"],
      [[iter, named("x/vv", tf.scalar(1))] as Named[], "given `x/vv`; did you mean `v`?"],
      [[iter, named("m", tf.scalar(1))] as Named[], "`<variable>/<state>`: given `m`"],
      [[iter, named("x/__proto__", tf.scalar(1))] as Named[], "given `x/__proto__`"],
      [[iter, others[0], others[0]] as Named[], "is given twice"],
      [[iter, named("x/m", tf.scalar(1, "int32"))] as Named[], "must be float32"],
    ];
    for (const [given, why] of bad) {
      const error = await assertRejects(() => opt.setWeights(given), GradusError);
      assert(error.message.includes(why), `${error.message}: not ${why}`);
    }
    assertEquals(opt.iterations, 2);
    // Whether they fit the variables shows when these are stepped.
    await opt.setWeights([iter, named(`${all[0].name}/m`, tf.scalar(1))] as Named[]);
    const before = await read(all);
    assertThrows(() => step(opt, all), GradusError, "must be of 6 numbers: given 1");
    await opt.setWeights([iter, others[0]] as Named[]);
    assertThrows(() => step(opt, all), GradusError, "/v` is missing");
    assertEquals(await read(all), before);
    opt.dispose();
    all.forEach((each) => each.dispose());
  });
});
