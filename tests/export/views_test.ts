/** Leaves seen as matrices in exported graphs, in files, and where arrays are another library's. */
import { type Match, type Matrices, muon, type Optimizer, type Tensor } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { load, save } from "../../export/safetensors/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { MAKERS, type Option, SEEN, type Seen, sizes } from "../runtime/views.ts";
import { differences, statesOf } from "./trees.ts";

const tensor = (seed: number, shape: readonly number[]): Tensor => ({
  data: randomArray(shape.reduce((a, b) => a * b, 1), seed),
  shape,
});
const tree = ({ shape }: Pick<Seen, "shape">, seed: number) => ({
  w: tensor(seed, shape),
  z: tensor(seed + 1, [5, 2]),
  b: randomArray(3, seed + 2),
});

/** The largest difference of two trees, against the largest number. */
function apartBy(actual: object, expected: object): number {
  const numbers = (node: unknown): number[] =>
    ArrayBuffer.isView(node)
      ? [...node as unknown as number[]]
      : Object.entries(node as object).flatMap(([key, part]) =>
        key === "shape" ? [] : numbers(part)
      );
  const others = numbers(expected);
  const largest = Math.max(...others.map(Math.abs));
  return Math.max(...numbers(actual).map((value, i) => Math.abs(value - others[i]))) / largest;
}

const matching = (matrices: Exclude<Matrices, boolean>): Option => ({
  match: [["w", matrices], ["*", true]],
});

/** Steps an optimizer and its graph, and gives the largest difference. */
async function parting(
  opt: Optimizer,
  bytes: Uint8Array,
  seen: Pick<Seen, "shape">,
): Promise<number> {
  const exported = await OrtOptimizer.load(bytes);
  const [params, others] = [tree(seen, 1), tree(seen, 1)];
  const before = structuredClone(params);
  const [state, other] = [opt.init(params), exported.init(others)];
  for (let t = 0; t < 3; t++) {
    opt.step(params, tree(seen, 10 * t + 10), state);
    await exported.step(others, tree(seen, 10 * t + 10), other);
  }
  await exported.dispose();
  assert(apartBy(params, before) > 1e-3);
  return Math.max(apartBy(others, params), apartBy(statesOf(other), statesOf(state)));
}

for (const [name, make] of Object.entries(MAKERS)) {
  Deno.test(`a graph of ${name} computes a leaf as the same matrices`, async () => {
    // A graph of Muon takes its time to be read.
    for (const [i, seen] of (name === "muon" ? SEEN.slice(0, 4) : SEEN).entries()) {
      const opt = make(matching(seen.matrices)).with({ backend: "interpreter" });
      const inlineFunctions = i % 2 === 0;
      const precision = i % 4 < 2 ? "float64" : "float32";
      const bytes = toOnnx(opt, tree(seen, 1), { precision, inlineFunctions });
      assert(await parting(opt, bytes, seen) <= (precision === "float64" ? 0 : 1e-5));
    }
  });
}

Deno.test("matrices that are reduced in stages are so one by one", async () => {
  const seen: Seen = { shape: [40, 3, 40], matrices: "last two", axes: [[0], [1], [2]] };
  const by: Seen = {
    ...seen,
    matrices: { reductionAxis: 2, outputAxis: 0 },
    axes: [[1], [2], [0]],
  };
  for (const each of [seen, by]) {
    const opt = MAKERS.byRows(matching(each.matrices)).with({ backend: "interpreter" });
    const bytes = toOnnx(opt, tree(each, 1), { precision: "float32" });
    assert(await parting(opt, bytes, each) < 1e-5);
    assertEquals(sizes(each)[0] > 1, true);
  }
});

Deno.test("a checkpoint holds how leaves are seen, rules with functions as what they say", async () => {
  const seen = { shape: [2, 3, 4] };
  const options: readonly Match<Matrices>[] = [
    { match: [["w", "flatten"], ["*", true]] },
    { match: [["w", { reductionAxis: [2, 0], outputAxis: 1 }], ["*", true]] },
    { match: [[({ rank }) => rank > 2, "last two"], ["*", true]] },
  ];
  for (const matrices of options) {
    const optimizer = muon({ learningRate: 0.1, matrices });
    const params = tree(seen, 1);
    const state = optimizer.init(params);
    optimizer.step(params, tree(seen, 10), state);
    const loaded = await load(await save({ optimizer, params, state }));
    const others = loaded.params as typeof params;
    assertEquals(differences(others, params), []);
    loaded.optimizer.step(others, tree(seen, 20), loaded.state);
    optimizer.step(params, tree(seen, 20), state);
    assertEquals(differences(others, params), []);
  }
});
