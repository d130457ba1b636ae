/** What optimizers of one program share, and what stays each one's own. */
import {
  adamw,
  factory,
  lion,
  multiSteps,
  type Optimizer,
  parseJson,
  release,
  resident,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { backends } from "./backends.ts";
import { assertSameBits } from "./same_bits.ts";

const start = () => ({
  a: Float32Array.of(1, 2, 3),
  b: { data: Float32Array.of(4, 5), shape: [1, 2] },
});
const slopes = (scale = 1) => ({
  a: Float32Array.of(0.5 * scale, -1, 1),
  b: { data: Float32Array.of(2, scale), shape: [1, 2] },
});

/** Two steps of an optimizer, between which something else may happen. */
function run(opt: Optimizer, between = () => {}, make = start) {
  const params = make();
  const state = opt.init(params);
  opt.step(params, slopes(), state);
  between();
  opt.step(params, slopes(2), state);
  return { params, state };
}

Deno.test("optimizers of one program that step in turn have the bits that each has alone", () => {
  for (const backend of backends) {
    // Another name, so that nothing is shared with what it is held to.
    let number = 0;
    const alone = (options: Record<string, unknown>) => {
      const text = JSON.stringify({
        name: `alone${number++}`,
        hyper: { learningRate: "required", b1: 0.9, decay: 0.1 },
        state: { m: 0, s: { init: 0, over: "tensor" } },
        step: "m = b1*m + (1 - b1)*g\ns = s + norm(g)\nu = -learningRate*(m/s + decay*w)",
      });
      const make = factory(parseJson(text));
      return { make, opt: make(options).with({ backend }) };
    };
    const [one, other] = [{ learningRate: 0.1 }, { learningRate: () => 0.3, b1: 0.5, decay: 0.2 }];
    const expected = [run(alone(one).opt), run(alone(other).opt)];
    const { make, opt } = alone(one);
    let second: ReturnType<typeof run> | undefined;
    const first = run(opt, () => second = run(make(other).with({ backend })));
    const third = run(make({ learningRate: 0.1, decay: 0 }).with({ backend }));
    assertSameBits(first.params, expected[0].params, backend);
    assertSameBits(second!.params, expected[1].params, backend);
    assertSameBits(third.params, run(alone({ learningRate: 0.1, decay: 0 }).opt).params, backend);
    assertSameBits(first.state.m, expected[0].state.m, backend);
    assertSameBits(second!.state.s, expected[1].state.s, backend);
  }
});

Deno.test("a schedule may step another optimizer of its program, and one that throws harms no other", () => {
  const expected = run(adamw({ learningRate: 0.1 }));
  let inner: ReturnType<typeof run> | undefined;
  const outer = run(adamw({
    learningRate: () => {
      inner ??= run(adamw({ learningRate: 0.1 }));
      return 0.1;
    },
  }));
  assertSameBits(inner!.params, expected.params, "");
  assertSameBits(outer.params, expected.params, "");
  const after = run(adamw({ learningRate: 0.1 }), () => {
    assertThrows(() => run(adamw({ learningRate: 0.1, b1: () => 2 })), Error, "at count 0");
  });
  assertSameBits(after.params, expected.params, "");
});

Deno.test("masks, types and places of arrays are each optimizer's own", () => {
  let calls = 0;
  const mask = (of: { a: boolean; b: boolean }) => () => (calls++, of);
  const made = (of: { a: boolean; b: boolean }) =>
    run(lion({ learningRate: 0.1, weightDecay: 0.5, mask: mask(of) })).params;
  const [none, some, all] = [
    made({ a: false, b: false }),
    made({ a: true, b: false }),
    made({ a: true, b: true }),
  ];
  assertEquals(calls, 3);
  assertSameBits(some, { a: all.a, b: none.b }, "");
  assert(all.b.data[0] !== none.b.data[0]);

  const [plain, placed] = [
    sgd({ learningRate: 0.1, momentum: 0.9 }),
    sgd({ learningRate: 0.2, momentum: 0.9 }),
  ];
  const expected = [run(plain).params, run(placed).params];
  let beside: ReturnType<typeof run> | undefined;
  const ordinary = run(plain, () => beside = run(placed, undefined, () => resident(start())));
  assertSameBits(ordinary.params, expected[0], "");
  assertSameBits(beside!.params, expected[1], "");
  release([beside!.params, beside!.state]);

  // An array that moves into the memory of kernels, and back.
  const params = start();
  const state = plain.init(params);
  plain.step(params, resident(slopes()), state);
  plain.step(params, slopes(2), state);
  assertSameBits(params, expected[0], "");
});

Deno.test("trees alike whose keys stand in other orders keep their own order", () => {
  const opt = () => multiSteps(lion({ learningRate: 0.1 }), { everyKSchedule: 2 });
  const [one, other] = [opt(), opt()];
  const { a, b } = start();
  const first = one.init({ a, b });
  const turned = other.init({ b, a });
  const again = one.init({ a, b });
  assertEquals([first, turned, again].map(({ m }) => Object.keys(m).join()), ["a,b", "b,a", "a,b"]);
  assertEquals(run(one).state.count, 2);
});
