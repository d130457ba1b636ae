/** Inputs that are trees like the parameters. */
import { GradusError, optimizer, required } from "../../mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

const newton = optimizer({
  name: "newton",
  hyper: { learningRate: required },
  inputs: { h: "element", value: "scalar" },
  step: "u = -learningRate*value*g/h",
});

Deno.test("an input may be a tree like the parameters", () => {
  const opt = newton({ learningRate: 0.5 }).with({ backend: "interpreter" });
  const params = { a: Float32Array.of(1, 2), b: Float32Array.of(3) };
  const gradients = { a: Float32Array.of(4, 8), b: Float32Array.of(2) };
  const state = opt.init(params);
  const h = { a: Float32Array.of(2, 4), b: Float32Array.of(8) };
  opt.step(params, gradients, state, { h, value: 2 });
  assertEquals(params, { a: Float32Array.of(-1, 0), b: Float32Array.of(2.75) });
  opt.step(params, gradients, state, { h: { ...h, b: Float32Array.of(1) }, value: 1 });
  assertEquals(params, { a: Float32Array.of(-2, -1), b: Float32Array.of(1.75) });
  const [updates] = opt.update(gradients, state, params, { h, value: 1 });
  assertEquals(updates, { a: Float32Array.of(-1, -1), b: Float32Array.of(-0.125) });
});

for (const backend of BACKENDS) {
  Deno.test(`a parameter may be its own input (${backend})`, () => {
    const opt = newton({ learningRate: 1 }).with({ backend });
    const params = [Float32Array.of(2), Float32Array.of(4)];
    const h = [params[1], params[0]];
    opt.step(params, [Float32Array.of(4), Float32Array.of(4)], opt.init(params), { h, value: 1 });
    assertEquals(params, [Float32Array.of(1), Float32Array.of(2)]);
  });
}

Deno.test("an input that is no such tree is refused before anything changes", () => {
  const opt = newton({ learningRate: 1 });
  const params = { a: Float32Array.of(1, 2) };
  const state = opt.init(params);
  const step = (h: unknown) =>
    opt.step(params, { a: Float32Array.of(1, 1) }, state, { h, value: 1 });
  assertThrows(() => step(undefined), GradusError, "input `h`");
  assertThrows(() => step({ a: Float32Array.of(1) }), GradusError, "must have shape [2]");
  assertThrows(() => step({ a: new Float64Array(2) }), GradusError, "must be float32");
  assertEquals([params.a, state.count], [Float32Array.of(1, 2), 0]);
});
