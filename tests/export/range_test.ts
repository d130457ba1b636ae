/** Reductions of exported graphs in float32: over its whole range, over many elements, and in stages. */
import { chain, clipByGlobalNorm, factory, parseProgram, sgd } from "../../mod.ts";
import { reduceOps, treeName } from "../../dsl/ops.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import type { Optimizer, State } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { gpuTest } from "./gpu.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const gpu = { precision: "float32" } as const;

/** One step in the library and by its graph in float32: every number of both, side by side. */
async function sideBySide<P extends object>(
  opt: Optimizer,
  params: () => P,
  gradients: P,
  opset = 21,
  device?: GPUDevice,
): Promise<[place: string, mine: number, wanted: number][]> {
  const [ours, theirs] = [params(), params()];
  const options = device ? { executionProvider: "webgpu", device } as const : {};
  const exported = await OrtOptimizer.load(toOnnx(opt, ours, { ...gpu, opset }), options);
  const [state, theirState]: State[] = [opt.init(ours), exported.init(theirs)];
  opt.step(ours, gradients, state);
  await exported.step(theirs, gradients, theirState);
  await exported.download({ theirs, theirState });
  await exported.dispose();
  const wanted = leavesOf({ w: ours, ...statesOf(state) });
  const mine = leavesOf({ w: theirs, ...statesOf(theirState) });
  return wanted.flatMap(({ path, data }, i) => {
    const numbers = numbersOf(mine[i].data);
    return numbersOf(data).map((x, k) => [`${path}[${k}]`, numbers[k], x] as const);
  }).map((row) => [...row]);
}

function assertRight(
  found: readonly (readonly [place: string, mine: number, wanted: number])[],
  tolerance: number,
): void {
  const wrong = found.filter(([, mine, wanted]) =>
    !Object.is(mine, wanted) && !(Math.abs(mine - wanted) <= tolerance * Math.abs(wanted))
  );
  assertEquals(wrong.slice(0, 5), [], `${wrong.length} of ${found.length}`);
}

Deno.test("in float32, gradients of any size are clipped to what they should be", async () => {
  for (
    const [maxNorm, ...gradients] of [
      [1, 1e20, 1e20, 0],
      [1, 1e38, 1e38, 2e38],
      [1e-31, 1e-30, 1e-30, -1e-30],
      [1, 1e20, 1e-20, 1],
      [1, 0, 0, 0],
      [1, 1, Infinity, 0],
      [1, NaN, 1, 1e30],
    ]
  ) {
    const opt = chain(clipByGlobalNorm({ maxNorm }), sgd({ learningRate: 1 }));
    const whole = Float32Array.from(gradients);
    assertRight(await sideBySide(opt, () => new Float32Array(3), whole), 1e-6);
    const tree = { a: whole.slice(0, 2), b: [whole.slice(2)] };
    const params = () => ({ a: new Float32Array(2), b: [new Float32Array(1)] });
    assertRight(await sideBySide(opt, params, tree), 1e-6);
  }
});

/** Every reduction, of tensors and the tree, of rows and of columns. */
const everything = factory(parseProgram({
  name: "reductions",
  state: Object.fromEntries(
    Object.values(reduceOps).flatMap(({ call }) => [
      ...["tensor", "tree"].map((over) => [`${call}_${over}`, { over: "tensor" }]),
      [`${call}_rows`, { over: -1 }],
      [`${call}_columns`, { over: 0 }],
    ]),
  ),
  step: Object.values(reduceOps).map(({ call }) => `
    ${call}_tensor = ${call}(g)
    ${call}_tree = ${treeName(call)}(g)
    ${call}_rows = ${call}(g, axis=-1)
    ${call}_columns = ${call}(g, axis=0)`).join("") + "\nu = 0*g",
}))();

/** Leaves on both sides of what is reduced at once; some have no fitting factors. */
const SHAPES = [[3], [1025], [2003], [2, 3000], [2053, 2], [40, 50], [1040, 1], [3, 5, 701], [
  0,
  4,
]];

function leaves(number: (i: number) => number) {
  return SHAPES.map((shape) => {
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      (_, i) => number(i),
    );
    return { data, shape };
  });
}

Deno.test("in float32, what is reduced in stages is what it should be", async () => {
  const numbers = {
    "of one sign": (i: number) => 0.1 + (i * 7919 % 1000) / 1000,
    "with NaN": (i: number) => i % 1500 === 1400 ? NaN : -1 - i % 3,
    "infinite": (i: number) => i % 1500 === 1400 ? Infinity : 1,
  };
  for (const number of Object.values(numbers)) {
    for (const opset of [17, 21]) {
      const found = await sideBySide(everything, () => leaves(() => 0), leaves(number), opset);
      assert(found.length > 20_000);
      assertRight(found, 2e-6);
    }
  }
});

gpuTest("on a GPU, what is reduced in stages is what it should be", async (device) => {
  const numbers = leaves((i) => 0.1 + (i * 7919 % 1000) / 1000).slice(0, -1);
  const params = () => leaves(() => 0).slice(0, -1);
  assertRight(await sideBySide(everything, params, numbers, 21, device), 2e-6);
});

// The one test at full size here. ONNX Runtime itself gives 8192 on WebAssembly and 724 on WebGPU.
const MANY = 17_000_001;

const norm = factory(parseProgram({
  name: "norms",
  state: { n: { over: "tensor" }, all: { over: "tree" } },
  step: "n = norm(g)\nall = globalNorm(g)\nu = 0",
}))();

async function normsOfTwos(device?: GPUDevice): Promise<number[]> {
  const [params, gradients] = [new Float32Array(MANY), new Float32Array(MANY).fill(2)];
  const options = device ? { executionProvider: "webgpu", device } as const : {};
  const exported = await OrtOptimizer.load(toOnnx(norm, params, gpu), options);
  const state = exported.init(params);
  await exported.step(params, gradients, state);
  await exported.download(state);
  await exported.dispose();
  return [(state.n as Float32Array)[0], state.all as number];
}

Deno.test("in float32, the norm of 17 million twos is right", async () => {
  for (const each of await normsOfTwos()) assert(Math.abs(each / 8246.21149 - 1) < 1e-6, `${each}`);
});

gpuTest("on a GPU, the norm of 17 million twos is right", async (device) => {
  for (const each of await normsOfTwos(device)) {
    assert(Math.abs(each / 8246.21149 - 1) < 1e-6, `${each}`);
  }
});

gpuTest("on a GPU, sinh and cosh reach as far as they should, and hold near 0", async (device) => {
  const opt = factory(parseProgram({
    name: "hyperbolic",
    state: { s: 0, c: 0 },
    step: "s = sinh(g)\nc = cosh(g)\nu = 0*g",
  }))();
  const numbers = [88.7, 88.73, 89, 89.41, 89.42, 90, 1, 0.999, 1e-3, 1e-10, 0, Infinity, NaN];
  const gradients = Float32Array.from(numbers.flatMap((x) => [x, -x]));
  const params = () => new Float32Array(gradients.length);
  const found = await sideBySide(opt, params, gradients, 21, device);
  assertRight(found.filter(([place]) => !place.startsWith("w")), 1e-5);
});

Deno.test("a mean over the tree of what rows come to is of as many as there are rows", async () => {
  const opt = factory(parseProgram({
    name: "rows",
    state: { all: { over: "tree" } },
    step: "all = globalMean(mean(g, axis=-1))\nu = 0*g",
  }))();
  const leaf = (shape: number[], numbers: number[]) => ({
    data: Float32Array.from(numbers),
    shape,
  });
  const params = { a: leaf([2, 2], [1, 3, 5, 7]), b: leaf([1, 4], [9, 9, 9, 13]) };
  for (const precision of ["float32", "float64"] as const) {
    const exported = await OrtOptimizer.load(toOnnx(opt, params, { precision }));
    const [state, theirState] = [opt.init(params), exported.init(params)];
    opt.step(params, structuredClone(params), state);
    await exported.step(params, structuredClone(params), theirState);
    assertEquals([state.all, theirState.all], [6, 6]);
    await exported.dispose();
  }
});
