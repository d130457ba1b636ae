/** The modes of Lion, on the numbers that Optax's tests have. */
import { GradusError, lion, scaleByLion } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

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

Deno.test("a direction of Lion's takes no parameters in any mode, and has what Lion's own has", () => {
  for (const mode of ["hard", "smooth", "refined"] as const) {
    for (const backend of BACKENDS) {
      for (const dtype of [Float32Array, Float64Array]) {
        const scale = scaleByLion({ mode, b1: 0.5, b2: 0.5 }).with({ backend });
        const given = dtype.of(1, -0.5);
        const [updates, state] = scale.update(given, scale.init(given));
        const expected = {
          hard: [1, -1],
          smooth: [Math.tanh(0.5), Math.tanh(-0.25)],
          refined: [0.5, -0.25],
        };
        updates.forEach((x, i) => assert(Math.abs(x - expected[mode][i]) < 1e-6));
        assertEquals(state.m, dtype.of(0.5, -0.25));
        const hyper = mode === "smooth" ? ["b1", "b2", "smoothBeta"] : ["b1", "b2"];
        const used = Object.keys(Object.getPrototypeOf(state.hyper));
        assertEquals(used, hyper);
      }
    }
    assertThrows(
      () => scaleByLion({ mode, weightDecay: 0.1 } as never),
      GradusError,
      "`weightDecay`",
    );
    // What one mode alone reads, the others may be given.
    scaleByLion({ mode, smoothBeta: 2 });
  }
});

Deno.test("a mode that Lion does not have is refused", () => {
  const mode = "soft" as "hard";
  for (const make of [() => lion({ learningRate: 1, mode }), () => scaleByLion({ mode })]) {
    const says = '`mode` must be "hard", "smooth" or "refined": given "soft"';
    assertThrows(make, GradusError, says);
  }
  assertEquals(lion({ learningRate: 1, mode: "hard" }).program, lion.program);
});
