/** Predictions by the roofline model, against counts and times worked out by hand. */
import {
  adamw,
  explain,
  factory,
  GradusError,
  lion,
  type Optimizer,
  parseProgram,
} from "../../mod.ts";
import { predict, weightOf } from "../../runtime/plan/roofline.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const optimizerOf = (step: string, state: Record<string, 0> = {}): Optimizer =>
  factory(parseProgram({ name: "some", state, step }))();

const instructions = (opt: Optimizer, params?: object) =>
  explain(opt, params).prediction!.instructions;

Deno.test("a loop takes as long as its bytes or its instructions, whichever take longer", () => {
  const machine = { bandwidth: 2 ** 33, instructions: 2 ** 32 };
  // In units of 2⁻³² seconds, memory takes 10 and 5 of them, the processor 4 and 20.
  const memory = { bytes: 20, instructions: 4 };
  const processor = { bytes: 10, instructions: 20 };
  const nanoseconds = (units: number) => units * 1e9 / 2 ** 32;
  assertEquals(predict([memory], machine, "Cannot"), {
    instructions: 4,
    nanoseconds: nanoseconds(10),
    bandwidthShare: 1,
  });
  assertEquals(predict([processor], machine, "Cannot"), {
    instructions: 20,
    nanoseconds: nanoseconds(20),
    bandwidthShare: 0.25,
  });
  assertEquals(predict([memory, processor], machine, "Cannot"), {
    instructions: 24,
    nanoseconds: nanoseconds(30),
    bandwidthShare: 0.5,
  });
});

Deno.test("what names a value costs nothing, a division or a root as much as three others", () => {
  const names = ["local.get", "v128.const", "loop", "f32x4.mul", "f32x4.div", "f64x2.sqrt"];
  assertEquals(names.map(weightOf), [0, 0, 0, 1, 3, 3]);
});

Deno.test("the instructions of a loop are counted for each parameter", () => {
  // For 8 parameters, 4 loads, 2 products, 2 sums, 2 stores, 3 addresses to advance and 4 to go round.
  assertEquals(instructions(optimizerOf("u = 0.5*g")), 17 / 8);
  // A quotient for the product, and no constant.
  assertEquals(instructions(optimizerOf("u = g/w")), 21 / 8);
  // A float64 vector has 2 lanes: the same for 4 parameters.
  assertEquals(instructions(optimizerOf("u = 0.5*g"), new Float64Array(4)), 17 / 4);
  // Lion: twice 3 loads, 6 products, 4 sums, 4 for the sign and 2 stores; 5 addresses and 4 to go round.
  assertEquals(instructions(lion({ learningRate: 1 })), 47 / 8);
});

Deno.test("a routine counts as what it runs", () => {
  assert(instructions(optimizerOf("u = exp(g)")) > instructions(optimizerOf("u = sqrt(g)")) + 5);
});

Deno.test("each phase has a loop of its own", () => {
  // Twice 1 load, 2 promotions, 1 shuffle, 2 squares and 2 sums; 1 address and 4 to go round; then as above.
  assertEquals(instructions(optimizerOf("u = globalNorm(g)*g")), (21 + 17) / 8);
});

Deno.test("what a NaN or a tie needs in a short state is not counted", () => {
  const opt = factory(parseProgram({ name: "keeper", state: { m: 0 }, step: "m = g; u = g" }));
  // For 8 parameters: 4 loads, 2 sums, 2 stores; 2 to round, 9 to look for a NaN or a tie, 1 to join, 1 store;
  // 4 addresses and 4 to go round.
  assertEquals(instructions(opt({ muDtype: "bfloat16" })), 29 / 8);
});

Deno.test("a given bandwidth decides what limits a step", () => {
  const opt = adamw({ learningRate: 1 });
  const { bytesMoved, prediction } = explain(opt, undefined, { bandwidth: 1e9 });
  assertEquals(bytesMoved, 28);
  assertEquals(prediction, { ...prediction!, nanoseconds: 28, bandwidthShare: 1 });
  const fast = explain(opt, undefined, { bandwidth: 1e12, instructions: 1e9 }).prediction!;
  assertEquals(fast.nanoseconds, fast.instructions);
  assertEquals(fast.bandwidthShare, 28 / fast.instructions / 1e3);
  const text = String(explain(opt, undefined, { bandwidth: 1e9 }));
  assert(/28\.00 ns per parameter, share of memory bandwidth: 100 %/.test(text), text);
});

Deno.test("what does not run on WebAssembly is not predicted", () => {
  const { prediction, webAssembly } = explain(optimizerOf("u = exp(g)"), new Float64Array(2));
  assertEquals([prediction, webAssembly], [undefined, ""]);
});

Deno.test("a figure of the machine must be a number above 0", () => {
  for (const bandwidth of [0, -1, NaN, "fast" as unknown as number]) {
    assertThrows(
      () => explain(optimizerOf("u = g"), undefined, { bandwidth }),
      GradusError,
      "`bandwidth` must be a number above 0",
    );
  }
});
