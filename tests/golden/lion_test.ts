import { lion } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { casesOf, isScheduled, optax32, optimizerOf, titleOf } from "./cases.ts";
import {
  assertSameBits,
  goldenQuadratic,
  goldenStream,
  type Manner,
  replayQuadratic,
  replayStream,
  sumOfSquares,
} from "./replay.ts";

const MANNERS: readonly Manner[] = ["update", "step"];
// Optax computes schedules in float32, this library in float64: those are held to the truth instead.
const constant = casesOf(optax32, "lion").filter((each) => !isScheduled(each));

Deno.test("there are four cases of Lion with constant hyperparameters", () => {
  assertEquals(constant.map(({ args }) => args), [
    { learning_rate: 0.003 },
    { learning_rate: 0.003, weight_decay: 0.1 },
    { learning_rate: 0.01, weight_decay: 0 },
    { learning_rate: 0.01, b1: 0.95, b2: 0.98, weight_decay: 0.0001 },
  ]);
});

for (const each of constant) {
  for (const manner of MANNERS) {
    Deno.test(`${titleOf(each)} has every bit of Optax's, by ${manner}`, () => {
      const opt = optimizerOf(each).with({ backend: "interpreter" });
      assertSameBits(replayStream(opt, "float32", manner), goldenStream(each));
      assertSameBits(replayQuadratic(opt, "float32", manner), goldenQuadratic(each));
    });
  }
}

Deno.test("Lion descends f = Σx² from [1, 2, 3] with the losses that Optax's page prints", () => {
  const scientific = (f: number) => f.toExponential(2).replace(/e\+(\d)$/, "E+0$1");
  const opt = lion({ learningRate: 0.003 }).with({ backend: "interpreter" });
  const x = Float32Array.of(1, 2, 3);
  assertEquals(sumOfSquares(x).toFixed(1), "14.0");
  const losses = replayQuadratic(opt, "float32", "update").map(({ params }) =>
    scientific(sumOfSquares(Float32Array.from(params.x)))
  );
  assertEquals(losses.join(" "), "1.40E+01 1.39E+01 1.39E+01 1.39E+01 1.38E+01");
});
