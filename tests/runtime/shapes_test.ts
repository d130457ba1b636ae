/** Programs that look at the shape of a parameter, and states that only some leaves keep. */
import { optimizer, required, type Tensor } from "../../mod.ts";
import { assertEquals } from "../assert.ts";

const scaled = optimizer({
  name: "scaled",
  hyper: { learningRate: required },
  state: { m: 0, v: { over: "tensor" } },
  step: `
    m = 0.5*m + g
    v = v + mean(g^2)
    d = where(rank > 1, sqrt(rows/columns)*m, g/sqrt(v))
    u = -learningRate*where(size == 1, 0, d)
  `,
});

Deno.test("a leaf's shape chooses what is computed and kept", () => {
  const opt = scaled({ learningRate: 1 }).with({ backend: "interpreter" });
  const params = {
    bias: Float32Array.of(0, 0),
    one: Float32Array.of(7),
    weight: { data: new Float32Array(8), shape: [4, 2] } satisfies Tensor,
  };
  const gradients = {
    bias: Float32Array.of(1, 7),
    one: Float32Array.of(3),
    weight: { data: new Float32Array(8).fill(1), shape: [4, 2] },
  };
  const state = opt.init(params);
  assertEquals(state.m, {
    bias: new Float32Array(0),
    one: new Float32Array(0),
    weight: { data: new Float32Array(8), shape: [4, 2] },
  });
  opt.step(params, gradients, state);
  assertEquals(params.bias, Float32Array.of(Math.fround(-0.2), Math.fround(-1.4)));
  assertEquals(params.one, Float32Array.of(7));
  assertEquals(params.weight.data, new Float32Array(8).fill(-Math.fround(Math.SQRT2)));
  const [updates, next] = opt.update(gradients, opt.init(params), params);
  assertEquals(updates.weight.data, new Float32Array(8).fill(-Math.fround(Math.SQRT2)));
  assertEquals(next.v, {
    bias: Float32Array.of(25),
    one: new Float32Array(0),
    weight: { data: new Float32Array(0), shape: [0] },
  });
});
