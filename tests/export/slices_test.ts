/** Large parameters in slices on ONNX Runtime: the bits that the library itself makes of the same steps. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  factory,
  lion,
  muon,
  type Optimizer,
  parseProgram,
} from "../../mod.ts";
import { type OnnxOptions, toOnnx } from "../../export/onnx/mod.ts";
import { sliceOf } from "../../export/onnx/scan.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { randomArray } from "../runtime/random.ts";
import { assertSameBits } from "../runtime/same_bits.ts";
import { decodeModel, signatureOf } from "./models.ts";

/** A leaf that is cut, and a small one. */
function tree(seed: number): object {
  const large = { data: randomArray(2 ** 20, seed), shape: [2 ** 10, 2 ** 10] };
  return { large, few: randomArray(3, seed + 20) };
}

/** The same, and a leaf whose size is prime. */
const three = (seed: number) => ({ ...tree(seed), prime: randomArray(1048583, seed + 10) });
const wide = (seed: number) => Float64Array.from(randomArray(2 ** 20, seed));

const program = (step: string, evaluate = "w") =>
  factory(parseProgram({ name: "own", state: { m: 0, n: 0.5 }, step, evaluate }));
/** A value that is handed on to the next phase, a sum, a mean, and a state that is a copy of another. */
const phases = program(
  `s = g*g
   a = globalSum(s)
   b = globalMean(where(s > 0.5, s/a, 0))
   m = m + s*b
   n = m
   u = -s*b`,
  "w - 0.5*m",
);

const cases: readonly [string, Optimizer, (seed: number) => object, OnnxOptions?][] = [
  ["adamw", chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 1e-2 })), three],
  ["adamw, written out", adamw({ learningRate: 1e-2 }), tree, { inlineFunctions: true, opset: 17 }],
  ["lion with float16", lion({ learningRate: 1e-2, muDtype: "float16" }), tree],
  ["lion in float64", lion({ learningRate: 1e-2 }), wide],
  ["phases", phases(), tree, { evaluate: true }],
  ["phases, written out", phases(), tree, { evaluate: true, inlineFunctions: true }],
];

for (const [name, opt, make, options] of cases) {
  Deno.test(`${name}: slices have the library's bits on ONNX Runtime`, async () => {
    const [params, own] = [make(1), make(1)];
    const bytes = toOnnx(opt, params, { ...options, layout: "slices" });
    assert(slicedIn(bytes) > 0);
    assertEquals(signatureOf(bytes), signatureOf(toOnnx(opt, params, options)));
    const graph = await OrtOptimizer.load(bytes, { executionProvider: "wasm" });
    try {
      const [state, expected] = [graph.init(params), opt.init(own)];
      for (let step = 2; step < 4; step++) {
        const gradients = make(step);
        await graph.step(params, gradients, state);
        opt.step(own, gradients, expected);
        assertSameBits({ params, ...state }, { params: own, ...expected }, `step ${step}`);
      }
      if (options?.evaluate) {
        const evaluated = await graph.evaluationParams(params, state);
        assertSameBits(evaluated, opt.evaluationParams(own, expected), "evaluated");
      }
    } finally {
      await graph.dispose();
    }
  });
}

/** How many times a model runs through slices, counting each function once. */
function slicedIn(bytes: Uint8Array): number {
  const { graph, functions } = decodeModel(bytes);
  const nodes = [graph!, ...functions].flatMap(({ node }) => node);
  return nodes.filter(({ opType }) => opType === "Scan").length;
}

Deno.test("leaves of other sizes share a function, and what looks at more than elements stays whole", () => {
  const sliced = (opt: Optimizer, ...shapes: number[][]) =>
    slicedIn(toOnnx(opt, shapes, { layout: "slices" }));
  assertEquals(sliced(lion({ learningRate: 1 }), [768, 3072], [50257, 768], [768]), 1);
  assertEquals(sliced(lion({ learningRate: 1 }), [768, 768]), 0);
  assertEquals(sliced(muon({ learningRate: 1 }), [2048, 1024]), 0);
  for (const value of ["mean(g)", "mean(g, axis=0)", "globalMax(g)", "index(axis=0)"]) {
    assertEquals(sliced(program(`u = g - ${value}`)(), [2048, 1024]), 0, value);
  }
});

Deno.test("slices are all of one size, near to 2^17 elements", () => {
  for (const size of [2 ** 20, 768 * 3072, 50257 * 768, 151936 * 896, 3 ** 14, 2 ** 31]) {
    const slice = sliceOf(size)!;
    assertEquals(size % slice, 0);
    assert(slice >= 2 ** 15 && slice <= 2 ** 18, `${size} in slices of ${slice}`);
  }
  assertEquals(
    [sliceOf(2 ** 20 - 2), sliceOf(1048583), sliceOf(2 * 1048583)],
    Array(3).fill(undefined),
  );
});

Deno.test("slices of what is computed in float32 throughout are refused", () => {
  assertRefused(
    () => toOnnx(lion({ learningRate: 1 }), [[4]], { layout: "slices", precision: "float32" }),
    '`layout` "slices" is for CPUs and takes `precision` "float64": given "float32"',
  );
});
