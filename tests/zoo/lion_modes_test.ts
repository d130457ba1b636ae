/** The modes of Lion, on the numbers that Optax's tests have. */
import { GradusError, lion, scaleByLion } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const gradients = Float64Array.of(0.2, -2, 0.5, -0.8);
// Half of the gradient, at first.
const x = [0.1, -1, 0.25, -0.4];
const EXPECTED = {
  hard: x.map(Math.sign),
  smooth: x.map((value) => Math.tanh(2 * value)),
  refined: x,
};

for (const mode of ["hard", "smooth", "refined"] as const) {
  Deno.test(`Lion's mode ${mode} is Optax's`, () => {
    const scale = scaleByLion({
      b1: 0.5,
      b2: 0.9,
      mode,
      ...mode === "smooth" && { smoothBeta: 2 },
    });
    const [updates, state] = scale.update(gradients, scale.init(gradients), gradients);
    const opt = lion({
      learningRate: 0.5,
      weightDecay: 0,
      b1: 0.5,
      mode,
      ...mode === "smooth" && { smoothBeta: 2 },
    });
    const params = new Float64Array(4);
    opt.step(params, gradients, opt.init(params));
    EXPECTED[mode].forEach((value, i) => {
      assert(Math.abs(updates[i] - value) < 1e-15);
      assert(Math.abs(params[i] + 0.5 * value) < 1e-15);
      assert(Math.abs((state.m as Float64Array)[i] - 0.1 * gradients[i]) < 1e-15);
    });
  });
}

Deno.test("a mode that Lion does not have is refused", () => {
  for (const make of [lion, scaleByLion]) {
    assertThrows(
      () => make({ learningRate: 1, mode: "soft" as "hard" } as never),
      GradusError,
      '`mode` must be "hard", "smooth" or "refined": given "soft"',
    );
  }
  assertEquals(lion({ learningRate: 1, mode: "hard" }).program, lion.program);
});
