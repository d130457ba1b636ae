/** Options by the names of other libraries: the message says what a program calls them, or where they are had. */
import {
  adadelta,
  adafactor,
  adam,
  adamw,
  adan,
  clipByGlobalNorm,
  factory,
  lbfgs,
  lion,
  lookahead,
  muon,
  parseProgram,
  prodigy,
  rmsprop,
  scaleByAdam,
  sgd,
  sophia,
  type State,
} from "../../mod.ts";
import { fix } from "../../dsl/fix.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

type Make = (options: never) => unknown;

const rows: readonly (readonly [make: Make, name: string, option: string, hint: string])[] = [
  [lion, "lion", "lr", "did you mean `learningRate`?"],
  [lion, "lion", "learning_rate", "did you mean `learningRate`?"],
  [lion, "lion", "η", "did you mean `learningRate`?"],
  [lion, "lion", "step-size", "did you mean `learningRate`?"],
  [lion, "lion", "betas", "did you mean `b1` and `b2`?"],
  [lion, "lion", "beta1", "did you mean `b1`?"],
  [lion, "lion", "beta_2", "did you mean `b2`?"],
  [lion, "lion", "β₁", "did you mean `b1`?"],
  [lion, "lion", "momentum", "did you mean `b1`?"],
  [lion, "lion", "wd", "did you mean `weightDecay`?"],
  [lion, "lion", "weight_decay", "did you mean `weightDecay`?"],
  [lion, "lion", "l2", "did you mean `weightDecay`?"],
  [lion, "lion", "λ", "did you mean `weightDecay`?"],
  [lion, "lion", "weight_decay_masks", "did you mean `weightDecay`?"],
  [adam, "adam", "epsilon", "did you mean `eps`?"],
  [adam, "adam", "eps_root", "did you mean `epsRoot`?"],
  [adam, "adam", "alpha", "did you mean `learningRate`?"],
  [adam, "adam", "use_nesterov", "did you mean `nesterov`?"],
  [adam, "adam", "mu_dtype", "did you mean `muDtype`?"],
  [adam, "adam", "wd", "`addDecayedWeights` in a `chain` brings one"],
  [adam, "adam", "amsgrad", "`amsgrad` is an optimizer of its own"],
  [adam, "adam", "maximize", "negated gradients give an ascent"],
  [adam, "adam", "params", "parameters are given to `init` and `step`"],
  [adam, "adam", "clipnorm", "`clipByGlobalNorm` in a `chain` does that"],
  [adan, "adan", "betas", "did you mean `b1` and `b2` and `b3`?"],
  [sgd, "sgd", "beta", "did you mean `momentum`?"],
  [sgd, "sgd", "mu", "did you mean `momentum`?"],
  [rmsprop, "rmsprop", "alpha", "did you mean `decay`?"],
  [rmsprop, "rmsprop", "rho", "did you mean `decay`?"],
  [adadelta, "adadelta", "ρ", "did you mean `rho`?"],
  [sophia, "sophia", "rho", "did you mean `clipThreshold`?"],
  [adafactor, "adafactor", "weight_decay", "did you mean `weightDecayRate`?"],
  [scaleByAdam, "scaleByAdam", "lr", "`scaleByLearningRate` in a `chain` brings one"],
  [clipByGlobalNorm, "clipByGlobalNorm", "max_norm", "did you mean `maxNorm`?"],
  [clipByGlobalNorm, "clipByGlobalNorm", "clipnorm", "did you mean `maxNorm`?"],
  [lbfgs, "lbfgs", "memory_size", "did you mean `memorySize`?"],
  [prodigy, "prodigy", "beta1", "did you mean `betas`?"],
  [prodigy, "prodigy", "lr", "did you mean `learningRate`?"],
];

for (const [make, name, option, hint] of rows) {
  Deno.test(`${name} without \`${option}\` says: ${hint}`, () => {
    const options = { learningRate: 0.1, maxNorm: 1, [option]: 0.5 };
    if (name === "clipByGlobalNorm") delete (options as Partial<typeof options>).learningRate;
    else delete (options as Partial<typeof options>).maxNorm;
    if (name === "scaleByAdam") delete (options as Partial<typeof options>).learningRate;
    assertRefused(
      () => make(options as never),
      `Cannot make "${name}": there is no option \`${option}\`; ${hint}`,
    );
  });
}

Deno.test("an unknown option is answered by all there are, or some and how many more", () => {
  assertRefused(
    () => lion({ learningRate: 1, zzzzzzzzz: 1 } as never),
    "there is no option `zzzzzzzzz`; options: learningRate, b1, b2, weightDecay, mask, muDtype",
  );
  const { message } = assertRefused(
    () => muon({ learningRate: 1, zzzzzzzzz: 1 } as never),
    "; options: ",
  );
  const [, listed, more] = /; options: (.*) and ([0-9]+) more$/.exec(message)!;
  assertEquals([listed.split(", ").length, listed.includes("_adam")], [12, false]);
  assertEquals(Number(more) > 0, true);
  const none = factory(parseProgram({ name: "none", step: "u = g" }));
  assertRefused(() => none({ lr: 1 }), "; options: none");
});

Deno.test("a name that an option decides is not offered for another", () => {
  const { message } = assertRefused(
    () => prodigy({ learningRate: 1, b2: 0.9 } as never),
    "there is no option `b2`; did you mean `betas`? options: learningRate, ",
  );
  assertEquals(/\bb1\b/.test(message), false, message);
});

Deno.test("the same names are offered for what is written into a state", () => {
  const opt = adamw({ learningRate: 1 });
  const params = { w: Float32Array.of(1) };
  const state: State = opt.init(params);
  state.hyper.lr = 0.1;
  assertRefused(
    () => opt.step(params, params, state),
    "the state's `hyper` has no `lr` to set; did you mean `learningRate`?",
  );
});

Deno.test("the same names are offered for the options of a wrapper and for what is fixed", () => {
  assertRefused(
    () => lookahead(sgd({ learningRate: 1 }), { sync_period: 5, slowStepSize: 0.5 } as never),
    "there is no option `sync_period`; did you mean `syncPeriod`?",
  );
  assertRefused(
    () => fix(adam.program, { name: "a" }, { beta1: 0 }),
    "did you mean `b1`?",
  );
});
