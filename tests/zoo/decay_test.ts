/** Kinds of weight decay: cautious, and of another size, for every rule that has decay. */
import {
  adamw,
  addDecayedWeights,
  chain,
  factory,
  type Optimizer,
  scaleByAdam,
  scaleByLearningRate,
} from "../../mod.ts";
import { decaysOf } from "../../dsl/decay.ts";
import * as zoo from "../../zoo/mod.ts";
import { requiredOf } from "../../runtime/required.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { randomArray } from "../runtime/random.ts";

type Options = Readonly<Record<string, unknown>>;

const decaying = Object.entries(zoo).flatMap(([name, { program }]) => {
  const [decay] = decaysOf(program).keys();
  if (decay === undefined) return [];
  const make = (options: Options) => factory(program)({ ...requiredOf(program, 0.25), ...options });
  return [{ name, decay, make, program }];
});

/** Decay that is a part of the gradient, or of a direction before it is scaled, and not beside the step. */
const WITHIN = new Set([
  ...["addDecayedWeights", "adagrad", "cocob", "dog", "dowg", "lamb", "lars", "madgrad"],
  ...["novograd", "scaleByNovograd"],
  // These form a step size by it.
  ...["momo", "momoAdam"],
  // Their decay is of the average.
  ...["scheduleFreeAdamw", "scheduleFreeSgd"],
]);

const tree = (seed: number) =>
  [[7], [4, 3]].map((shape, i) => ({
    data: Float64Array.from(randomArray(i === 0 ? 7 : 12, 10 * seed + i)),
    shape,
  }));

/** The update of the second step after a first without decay. */
function second(opt: Optimizer, first: Optimizer): number[] {
  const inputs = Object.fromEntries(
    [...opt.program.inputs].map(([name, kind]) => [name, kind === "scalar" ? 1 : tree(9)]),
  );
  const params = tree(1);
  const [, state] = first.update(tree(2), first.init(params), params, inputs);
  const own = { ...opt.init(params), ...state, optimizer: opt.init(params).optimizer };
  const [updates] = opt.update(tree(3), own as typeof state, params, inputs);
  return updates.flatMap(({ data }) => [...data]);
}

for (const { name, decay, make, program } of decaying) {
  // AdamW's part has a decay of its own, which is told by its own name.
  const none = Object.fromEntries([...decaysOf(program).keys()].map((each) => [each, 0]));
  const some = Object.fromEntries(Object.keys(none).map((each) => [each, 0.125]));

  Deno.test(`${name} decays cautiously where its step goes the way of decay`, () => {
    const cautious = make({ ...some, cautiousWeightDecay: true });
    const numbers = [none, some].map((options) => second(make(options), make(none)));
    const actual = second(cautious, make(none));
    const weights = tree(1).flatMap(({ data }) => [...data]);
    const close = (a: number, b: number) => Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b));
    const [still, decayed] = numbers;
    const isOf = (i: number) => {
      const agrees = still[i] * weights[i] <= 0;
      return close(actual[i], agrees ? decayed[i] : still[i]);
    };
    if (!WITHIN.has(name)) assertEquals(actual.map((_, i) => isOf(i)).indexOf(false), -1);
    const differs = (a: readonly number[], b: readonly number[]) => a.some((x, i) => x !== b[i]);
    assert(differs(actual, still) && differs(actual, decayed), "some decay, and some do not");
  });

  if (!program.hyper.has("learningRate")) continue;
  Deno.test(`${name} multiplies its decay as the scaling says`, () => {
    const schedule = (count: number) => count === 0 ? 0.125 : 0.0625;
    const rates = Object.fromEntries(
      [...decaysOf(program).values()].map((suffix) => [`learningRate${suffix}`, schedule]),
    );
    for (const [scaling, factor] of [["relative", 4], ["corrected", 0.25]] as const) {
      const scaled = make({
        ...{ ...some, ...rates },
        ...{ weightDecayScaling: scaling, maxLearningRate: 0.25 },
      });
      const times = Object.fromEntries(Object.keys(some).map((each) => [each, 0.125 * factor]));
      const plain = make({ ...times, ...rates });
      const first = make({ ...none, ...rates });
      const [actual, expected] = [second(scaled, first), second(plain, first)];
      const furthest = Math.max(...actual.map((x, i) => Math.abs(x - expected[i])));
      assert(furthest <= 1e-12, `${scaling}: ${furthest}`);
    }
  });

  Deno.test(`${name} refuses kinds of decay that there are not`, () => {
    assertRefused(
      () => make({ cautiousWeightDecay: "yes" }),
      "`cautiousWeightDecay` must be true or false: given",
    );
    assertRefused(
      () => make({ weightDecayScaling: "twice" }),
      '`weightDecayScaling` must be "rate", "relative" or "corrected": given "twice"',
    );
    assert(make({ [decay]: 0.5, weightDecayScaling: "rate" }).program === program);
  });
}

Deno.test("the largest learning rate is the learning rate, unless that is a schedule", () => {
  const options = { weightDecay: 0.5, weightDecayScaling: "corrected" } as const;
  const { settings } = adamw({ learningRate: 0.25, ...options });
  assertEquals(settings.get("maxLearningRate")?.value, 0.25);
  assertRefused(
    () => adamw({ learningRate: () => 0.25, ...options }),
    "hyperparameter `maxLearningRate` is required",
  );
});

Deno.test("cautious decay is a transform too, and the same in a chain", () => {
  const params = tree(1);
  const whole = adamw({ learningRate: 0.25, weightDecay: 0.5, cautiousWeightDecay: true });
  const parts = chain(
    scaleByAdam(),
    addDecayedWeights({ weightDecay: 0.5, cautiousWeightDecay: true }),
    scaleByLearningRate({ learningRate: 0.25 }),
  );
  const [expected] = whole.update(tree(2), whole.init(params), params);
  const [actual] = parts.update(tree(2), parts.init(params), params);
  actual.forEach(({ data }, i) =>
    data.forEach((x: number, k: number) =>
      assert(Math.abs(x - expected[i].data[k]) <= 1e-15, `${x} is not ${expected[i].data[k]}`)
    )
  );
});
