import { assertEquals } from "../assert.ts";
import { casesOf, optax32, optimizerOf, titleOf } from "./cases.ts";
import {
  assertSameBits,
  goldenQuadratic,
  goldenStream,
  replayQuadratic,
  replayStream,
} from "./replay.ts";

const cases = casesOf(optax32, "sgd");

Deno.test("there are cases of SGD without momentum, with it, and after Nesterov", () => {
  assertEquals(cases.map(({ args }) => args), [
    { learning_rate: 0.003 },
    { learning_rate: 0.003, momentum: 0.9 },
    { learning_rate: 0.003, momentum: 0.9, nesterov: true },
  ]);
});

for (const each of cases) {
  Deno.test(`${titleOf(each)} has every bit of Optax's`, () => {
    const opt = optimizerOf(each).with({ backend: "interpreter" });
    for (const manner of ["update", "step"] as const) {
      assertSameBits(replayStream(opt, "float32", manner), goldenStream(each));
      assertSameBits(replayQuadratic(opt, "float32", manner), goldenQuadratic(each));
    }
  });
}
