/** Rules by path and shape in the place of trees: of masks, labels, and truth values that differ. */
import {
  adamw,
  freeze,
  lion,
  masked,
  type Match,
  type Optimizer,
  partition,
  sgd,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

const ones = (...shape: number[]) => ({
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  shape,
});

/** A tree with lists and keys that look like patterns. */
const tree = () => ({
  layers: [{ weight: ones(2, 2), norm: { scale: ones(2) } }, { weight: ones(2, 2), bias: ones(2) }],
  "norm*": ones(1),
  head: Float32Array.of(1),
});

/** The first number of each leaf after a step by gradients of 1. */
function after(opt: Optimizer): Record<string, number> {
  const params = tree();
  opt.step(params, tree(), opt.init(params));
  return {
    weight: params.layers[0].weight.data[0],
    scale: params.layers[0].norm!.scale.data[0],
    bias: params.layers[1].bias!.data[0],
    star: params["norm*"].data[0],
    head: params.head[0],
  };
}

const half = (mask: Match<boolean>) => masked(sgd({ learningRate: 0.5 }), mask);
// What no mask chooses passes through as it is.
const [IN, OUT] = [0.5, 2];

Deno.test("the first rule that fits holds: patterns of paths, and functions of path, rank and shape", () => {
  assertEquals(after(half({ match: [["*", true]] })), {
    ...{ weight: IN, scale: IN, bias: IN, star: IN, head: IN },
  });
  assertEquals(after(half({ match: [["*/norm*", false], ["*", true]] })), {
    ...{ weight: IN, scale: OUT, bias: IN, star: IN, head: IN },
  });
  assertEquals(
    after(half({ match: [["norm*", false], ["layers/*/weight", false], ["*", true]] })),
    {
      ...{ weight: OUT, scale: IN, bias: IN, star: OUT, head: IN },
    },
  );
  assertEquals(
    after(half({ match: [["head", false], [({ rank }) => rank < 2, true], ["*", false]] })),
    {
      ...{ weight: OUT, scale: IN, bias: IN, star: IN, head: OUT },
    },
  );
  const isSmall: Match<boolean> = {
    match: [[({ path, shape }) => path.endsWith("bias") || shape[0] === 1, true], ["*", false]],
  };
  assertEquals(after(half(isSmall)), {
    ...{ weight: OUT, scale: OUT, bias: IN, star: IN, head: IN },
  });
});

Deno.test("rules stand wherever masks and labels do, a function's result included", () => {
  const rules: Match<"rest" | "body"> = { match: [["*norm*", "rest"], ["*", "body"]] };
  const parts = { body: sgd({ learningRate: 0.5 }), rest: sgd({ learningRate: 1 }) };
  const expected = { weight: 0.5, scale: 0, bias: 0.5, star: 0, head: 0.5 };
  assertEquals(after(partition(parts, rules)), expected);
  assertEquals(after(partition(parts, () => rules)), expected);
  assertEquals(after(freeze({ match: [["head", true], ["*", false]] })).head, 1);
  const decayed = adamw({
    ...{ learningRate: 1, weightDecay: 0.25, eps: 1e30 },
    mask: { match: [["*weight", true], ["*", false]] },
  });
  assertEquals(after(decayed), { weight: 0.75, scale: 1, bias: 1, star: 1, head: 1 });
  const nesterov = { match: [["head", false], ["*", true]] } as unknown as boolean;
  const steps = after(sgd({ learningRate: 0.5, momentum: 0.5, nesterov }));
  assertEquals([steps.weight, steps.head], [0.25, 0.5]);
});

Deno.test("a parameter may be called `match`", () => {
  const params = { match: [Float32Array.of(1), Float32Array.of(1)] };
  const opt = partition({
    a: sgd({ learningRate: 1 }),
    b: lion({ learningRate: 0.5, weightDecay: 0 }),
  }, {
    match: ["a", "b"],
  });
  opt.step(params, structuredClone(params), opt.init(params));
  assertEquals(params.match.map(([first]) => first), [0, 0.5]);
});

Deno.test("rules that say nothing of a leaf, or are none, are refused", () => {
  const refused = (mask: unknown, ...parts: string[]) =>
    assertRefused(() => half(mask as Match<boolean>).init(tree()), ...parts);
  refused(
    { match: [["layers/*", true]] },
    "Cannot initialise",
    'a rule of the mask must fit `head`: given `layers/*`; add `["*", …]` for all others',
  );
  refused({ match: [] }, "a rule of the mask must fit `head`");
  refused({ match: [["*", 1]] }, "the mask must have values in its rules: given 1 in rule 1");
  refused({ match: [[1, true]] }, "the mask must have rules of a pattern, or a function");
  refused({ match: [["*", true, false]] }, "and a value: given");
  assertRefused(
    () => partition({ a: sgd({ learningRate: 1 }) }, { match: [["*", "b" as "a"]] }),
    'a label must name one of the optimizers: given "b"',
  );
});
