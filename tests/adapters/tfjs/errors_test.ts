/** What an optimizer in tfjs refuses, with what it says, and files that hold anything. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers";
import { adam, adamw, GradusError, lion, polyakSgd, sgd } from "../../../mod.ts";
import { registerTfjs, toTfjs } from "../../../adapters/tfjs/mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { hasWebGpu, on } from "./backends.ts";

registerTfjs(tf);

function refuses(what: () => unknown, ...parts: string[]): void {
  const { message } = assertThrows(what, GradusError);
  for (const part of parts) assert(message.includes(part), `${message}: not ${part}`);
}

Deno.test("steps that cannot be are refused by name, and change nothing", async () => {
  await on("cpu", () => {
    const [a, whole] = [
      tf.variable(tf.tensor([1, 2]), true, "weight"),
      tf.variable(tf.tensor([1, 2], [2], "int32"), true, "whole"),
    ];
    const opt = toTfjs(adam({ learningRate: 0.1 }), tf);
    const gradient = tf.tensor([1, 1]);
    const by = (gradients: Parameters<typeof opt.applyGradients>[0]) => () =>
      opt.applyGradients(gradients);
    refuses(by({ weigth: gradient }), "`weigth` is no variable; did you mean `weight`?");
    refuses(by({ constructor: gradient }), "`constructor` is no variable");
    refuses(by({ whole: gradient }), "`whole` and its gradient must be float32: given int32");
    refuses(by({ weight: tf.cast(gradient, "int32") }), "must be float32: given int32");
    refuses(by({ weight: tf.tensor([1]) }), "a gradient of its shape, [2]: given [1]");
    const twice = { name: "weight", tensor: gradient };
    refuses(by([twice, twice]), "`weight` must be given once: given twice");
    opt.learningRate = NaN;
    refuses(by({ weight: gradient }), "learningRate");
    delete opt.hyper.learningRate;
    opt.hyper.learningrate = 1;
    refuses(by({ weight: gradient }), "`learningrate`", "did you mean `learningRate`?");
    delete opt.hyper.learningrate;
    assertEquals([[...a.dataSync()], opt.iterations], [[1, 2], 0]);
    opt.applyGradients({ weight: gradient });
    assertEquals(opt.iterations, 1);
    const polyak = toTfjs(polyakSgd({ maxLearningRate: 1 }), tf);
    refuses(() => polyak.applyGradients({ weight: gradient }), "input `value` must be given");
    refuses(() => polyak.learningRate, "no hyperparameter `learningRate`");
    [opt, polyak, a, whole].forEach((each) => each.dispose());
  });
});

Deno.test("what a backend lacks is refused when the optimizer is made", async () => {
  const short = adam({ learningRate: 0.1, muDtype: { dtype: "bfloat16", rounding: "stochastic" } });
  await on("cpu", () => toTfjs(short, tf).dispose());
  await on("other", () => {
    refuses(() => toTfjs(short, tf), 'on backend "other"', "`m` is stored as bfloat16");
  });
});

Deno.test("a value that cannot be read where it is is asked for, and nothing is changed", async () => {
  if (!await hasWebGpu()) return console.log("Not tested: there is no WebGPU adapter");
  await on("webgpu", async () => {
    const a = tf.variable(tf.tensor([1, 2]));
    const opt = toTfjs(polyakSgd({ maxLearningRate: 0.1 }), tf);
    const loss = () => tf.sum(tf.square(a)) as tf.Scalar;
    // Where there is no canvas, tfjs has no way to read at once.
    refuses(() => opt.minimize(loss), "cannot be read there at once", "applyGradients");
    assertEquals([[...await a.data()], opt.iterations], [[1, 2], 0]);
    const { value, grads } = opt.computeGradients(loss);
    opt.applyGradients(grads, { value: (await value.data())[0] });
    assert((await a.data())[0] < 1);
    [opt, a].forEach((each) => each.dispose());
  });
});

Deno.test("settings without a text are refused when they are saved", async () => {
  await on("cpu", () => {
    refuses(
      () => toTfjs(sgd({ learningRate: () => 1 }), tf).getConfig(),
      "Cannot save",
      "`learningRate` must be a number or a schedule of the library",
    );
    refuses(
      () => toTfjs(adamw({ learningRate: 1, mask: () => true }), tf).getConfig(),
      "the mask of `weightDecay`",
    );
  });
});

Deno.test("files that hold anything make an optimizer or an error, and no harm", async () => {
  await on("cpu", () => {
    const { classNameMap } = tf.serialization.SerializationMap.getMap();
    const [cls, fromConfig] = classNameMap["Gradus"];
    const load = (config: unknown) => fromConfig(cls, config as tf.serialization.ConfigDict);
    const good = toTfjs(lion({ learningRate: 0.1 }), tf).getConfig() as Record<string, string>;
    const settings = (given: unknown) => ({ ...good, settings: JSON.stringify(given) });
    // Those that Lion has, and others.
    const all = (others: object) => ({ ...JSON.parse(good.settings).settings, ...others });
    const rate = (value: unknown) => settings({ settings: all({ learningRate: { value } }) });
    load(good);
    load(rate("count => 0.1/sqrt(t)"));
    const deep = "[".repeat(50_000) + "]".repeat(50_000);
    const bad: [unknown, string][] = [
      [undefined, "`program` must be a text"],
      [{}, "`program` must be a text"],
      [{ ...good, program: 1 }, "`program` must be a text"],
      [{ ...good, program: "{" }, "Cannot read a program from JSON"],
      [{ ...good, program: " ".repeat(2_000_000) }, "at most 1000000 characters: given 2000000"],
      [{ ...good, settings: "{" }, "must be JSON"],
      [{ ...good, settings: deep }, "Cannot load"],
      [{ ...good, settings: `{"settings":{"learningRate":{"value":${deep}}}}` }, "Cannot"],
      [settings([]), "must be an object"],
      [settings({}), "`learningRate` must have a value: it is missing"],
      [settings({ settings: all({ rate: { value: 1 } }) }), "no option `rate`"],
      [settings({ settings: all(JSON.parse('{"__proto__":{"value":1}}')) }), "option `__proto__`"],
      [settings({ settings: all({ b1: 1 }) }), "`b1` must be an object: given 1"],
      [rate(undefined), "is required"],
      [rate(null), "was a function, which no file can hold"],
      [rate("0.1"), 'must be a number: given "0.1"'],
      [rate("count => w"), "a schedule reads `count` and `t` only"],
      [rate("count => alert(1)"), "Cannot"],
      [settings({ settings: all({ learningRate: { value: 1, mask: 3 } }) }), "of truth values"],
      [
        settings({ settings: all({ learningRate: { value: 1, clock: "m" } }) }),
        "must follow a state that is one number for the tree",
      ],
      [
        settings({ settings: all({}), storage: { m: "float8" } }),
        "must be one of float32",
      ],
      [
        settings({ settings: all({}), hyper: { learningRate: "t" } }),
        '`learningRate` must be a number: given "t"',
      ],
      [settings({ settings: all({}), hyper: { b1: 2 } }), "`b1`"],
      [settings({ settings: all({}), hyper: { b3: 1 } }), "no hyperparameter `b3`"],
    ];
    for (const [config, why] of bad) refuses(() => load(config), why);
    assertEquals(({} as Record<string, unknown>).value, undefined);
  });
});
