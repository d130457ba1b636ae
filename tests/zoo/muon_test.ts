/** Which parameters of Muon decay, and which are orthogonalised. */
import { muon, nadamw, type Tensor } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

const matrix = (...data: number[]): Tensor => ({ data: Float64Array.from(data), shape: [2, 2] });
const isA = { a: true, b: false, bias: false };

for (const backend of BACKENDS) {
  for (const name of ["mask", "weightDecayMask"] as const) {
    Deno.test(`Muon's ${name} limits the decay of matrices, not of AdamW's part, on ${backend}`, () => {
      const opt = muon({
        ...{ learningRate: 0.5, weightDecay: 0.5, adamWeightDecay: 1 },
        [name]: isA,
      }).with({ backend });
      const params = { a: matrix(4, 8, -4, 2), b: matrix(1, 2, 3, 4), bias: Float64Array.of(6) };
      const still = { a: matrix(0, 0, 0, 0), b: matrix(0, 0, 0, 0), bias: Float64Array.of(0) };
      opt.step(params, still, opt.init(params));
      assertEquals(params, {
        a: matrix(3, 6, -3, 1.5),
        b: matrix(1, 2, 3, 4),
        bias: Float64Array.of(3),
      });
    });
  }

  Deno.test(`matrices that Muon does not orthogonalise go to AdamW, on ${backend}`, () => {
    const opt = muon({ learningRate: 0.5, adamWeightDecay: 0.1, matrices: isA })
      .with({ backend });
    const params = { a: matrix(4, 8, -4, 2), b: matrix(1, 2, 3, 4), bias: Float64Array.of(6) };
    const gradients = { a: matrix(1, 2, 3, 4), b: matrix(2, -1, 0.5, 3), bias: Float64Array.of(2) };
    const { b, bias } = structuredClone(params);
    const state = opt.init(params);
    opt.step(params, gradients, state);
    const rest = { b, bias };
    const adam = nadamw({ learningRate: 0.5, weightDecay: 0.1 }).with({ backend });
    adam.step(rest, { b: gradients.b, bias: gradients.bias }, adam.init(rest));
    assertEquals({ b: params.b, bias: params.bias }, rest);
    assertEquals((state.m as typeof params).b.data.length, 0);
  });
}

Deno.test("the type of momenta is that of both parts of Muon", () => {
  const params = { a: matrix(4, 8, -4, 2), bias: Float64Array.of(6) };
  const opt = muon({ learningRate: 0.5, muDtype: "bfloat16" });
  assertEquals([...opt.storage], [["m", "bfloat16"], ["m_adam", "bfloat16"]]);
  opt.step(params, structuredClone(params), opt.init(params));
});
