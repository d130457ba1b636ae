/** Graphs of trees with everything in them: no elements, one element, every rank, both types, NaN. */
import {
  adafactor,
  adamw,
  applyIfFinite,
  cautiousLion,
  chain,
  clipByGlobalNorm,
  freeze,
  lamb,
  lion,
  type Optimizer,
  optimizer,
  scale,
  sm3,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { decodeModel, faultsOf, functionsOf, operatorsOf } from "./models.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const some = (size: number, seed: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i));

const tree = (seed: number) => ({
  cube: { data: some(24, seed + 3), shape: [2, 3, 4] },
  double: Float64Array.from(some(5, seed)),
  empty: new Float32Array(0),
  matrix: { data: some(12, seed), shape: [3, 4] },
  nothing: { data: new Float32Array(0), shape: [2, 0, 3] },
  row: { data: some(3, seed + 1), shape: [1, 3] },
  single: { data: some(1, seed + 2), shape: [] as number[] },
});

/** The same with what is no finite number here and there. */
function spoilt(seed: number): ReturnType<typeof tree> {
  const spoilt = tree(seed);
  spoilt.matrix.data[1] = NaN;
  spoilt.cube.data[3] = Infinity;
  spoilt.double[2] = NaN;
  return spoilt;
}

const OPTIMIZERS: Readonly<Record<string, () => Optimizer>> = {
  "extremes of tensors and of the tree": () =>
    optimizer({
      name: "extremes",
      state: { a: { over: "tensor" }, b: { over: "tree" } },
      step: "a = max(g); b = globalMin(g); u = a*g + b + globalMean(g)",
    })(),
  "states over axes": () =>
    optimizer({
      name: "axes",
      state: { r: { over: "0:1" }, c: { over: "1:" } },
      step: "r = mean(g, axis=0:1); c = 0.5*c + max(abs(g), axis=1:); u = g/(1 + c) + r",
    })(),
  "norms along axes": () =>
    optimizer({ name: "norms", step: "u = g/norm(g, axis=-1:) + min(g, axis=:1)" })(),
  "numbers for all in the place of states": () =>
    optimizer({
      name: "numbers",
      state: { k: { over: "tensor", init: 1 }, e: 0, r: { over: "1:" } },
      step: "k = t; e = k; r = t + 0*k; u = globalSum(0*g + 1)*g + e",
    })(),
  "what is reduced after it was reduced": () =>
    optimizer({
      name: "nested",
      state: { s: 0 },
      step: "n = globalNorm(g); s = g/n; u = s*globalMax(s - mean(s))",
    })(),
  "applyIfFinite": () => applyIfFinite(adamw({ learningRate: 0.1 }), { maxConsecutiveErrors: 1 }),
  "LAMB": () => lamb({ learningRate: 0.1 }),
  "SM3": () => sm3({ learningRate: 0.1 }),
  "Adafactor": () => adafactor({ learningRate: 0.1 }),
  "cautious Lion": () => cautiousLion({ learningRate: 0.1 }),
  "a clip, then Lion with its momentum in float16": () =>
    chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1, muDtype: "float16" })),
  "Lion with everything frozen": () => chain(lion({ learningRate: 0.1 }), freeze(true)),
};

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  for (const opset of [17, 18, 21]) {
    Deno.test(`${name} in opset ${opset} is what the interpreter defines, NaN or not`, async () => {
      const opt = make().with({ backend: "interpreter" });
      for (const inlineFunctions of [false, true]) {
        const bytes = toOnnx(opt, tree(0), { opset, inlineFunctions });
        assertEquals(faultsOf(bytes), []);
        assertEquals(decodeModel(bytes).opsetImport[0].version, BigInt(opset));
        const exported = await OrtOptimizer.load(bytes);
        for (const second of [tree, spoilt]) {
          const [ours, theirs] = [tree(0), tree(0)];
          const [state, theirState] = [opt.init(ours), exported.init(theirs)];
          for (let t = 0; t < 4; t++) {
            const gradients = t === 1 ? second(t) : tree(t);
            opt.step(ours, gradients, state);
            await exported.step(theirs, gradients, theirState);
            assertNear(theirs, ours);
            for (const [key, value] of Object.entries(statesOf(state))) {
              if (typeof value === "number") assertEquals(theirState[key], value, key);
              else assertNear(theirState[key], value);
            }
          }
        }
        await exported.dispose();
      }
    });
  }
}

/** Float32 must be the same, NaN where it is; float64 up to the order of its sums. */
function assertNear(actual: unknown, expected: unknown): void {
  const others = leavesOf(actual);
  leavesOf(expected).forEach(({ path, data, shape }, k) => {
    assertEquals(others[k].shape, shape, path);
    const given = numbersOf(others[k].data);
    numbersOf(data).forEach((number, i) => {
      const slack = data instanceof Float64Array ? 1e-14 * Math.abs(number) : 0;
      const isNear = Object.is(given[i], number) || Math.abs(given[i] - number) <= slack;
      assert(isNear, `${path}[${i}] is ${given[i]}, not ${number}`);
    });
  });
}

Deno.test("leaves of all sizes call one function, and of two forms two", () => {
  const params = { a: [2, 3], b: [4, 5], c: [7], d: [8] };
  const names = (opt: Optimizer) => [...functionsOf(toOnnx(opt, params)).keys()];
  assertEquals(names(cautiousLion({ learningRate: 1 })), ["cautiousLion"]);
  assertEquals(names(sm3({ learningRate: 1 })), ["sm3", "sm3_2"]);
  const mask = { a: true, b: true, c: false, d: false };
  assertEquals(names(lion({ learningRate: 1, mask })), ["lion", "lion_2"]);
  // What differs only in numbers is one function, called with others.
  const learningRate = { a: 1, b: 2, c: 3, d: 4 };
  assertEquals(names(lion({ learningRate })), ["lion"]);
});

Deno.test("values have the program's names, and inputs of functions say what they are", () => {
  const bytes = toOnnx(adamw({ learningRate: 0.1 }), { w: [2] });
  const [{ input, output, node, docString }] = decodeModel(bytes).functions;
  assertEquals(input, [
    ...["w", "g", "m", "v", "weightDecay", "b1", "1 - b1", "1/(1 - b1^t)"],
    ...["b2", "1 - b2", "1/(1 - b2^t)", "eps", "-learningRate"],
  ]);
  assertEquals(output, ["next/w", "next/m", "next/v"]);
  const names = node.flatMap(({ output }) => output);
  for (const name of ["mhat", "vhat", "u", "b1*m", "sqrt(vhat) + eps"]) {
    assert(names.includes(name));
  }
  // ONNX Runtime begins with the operand that stands last: what needs little waits for what needs more.
  assertEquals(names[0], "weightDecay*w");
  assert(docString.includes("\\hat{m}_t &\\leftarrow"), docString);
});

Deno.test("a reduction over the tree has a function of its own, and its sum the program's name", () => {
  const bytes = toOnnx(clipByGlobalNorm({ maxNorm: 1 }), { a: [2], b: [3] });
  assertEquals(operatorsOf(bytes), [
    ...["clipByGlobalNorm_norm", "clipByGlobalNorm_norm", "Add", "Sqrt"],
    ...["LessOrEqual", "Div", "Where"],
    ...["Cast", "clipByGlobalNorm", "clipByGlobalNorm", "Add"],
  ]);
  const { graph } = decodeModel(bytes);
  assertEquals(graph!.node.find(({ opType }) => opType === "Sqrt")!.output, ["n"]);
});

Deno.test("a factor of 1 and a branch that is never chosen leave no node", () => {
  const nodes = (opt: Optimizer) => functionsOf(toOnnx(opt, [2])).get(opt.program.name)!.length;
  assertEquals(nodes(scale({ stepSize: 1 })), 1);
  assertEquals(nodes(scale({ stepSize: 2 })), 2);
  const chosen = (a: number) =>
    optimizer({ name: "chosen", hyper: { a: 1 }, step: "u = where(a > 0, g*g, g*w)" })({ a });
  assertEquals([nodes(chosen(1)), nodes(chosen(-1))], [2, 2]);
});
