/** Reductions on the GPU beside the interpreter's: of a tensor, of the tree, of rows and of columns. */
import { factory, type Optimizer, parseProgram, type Tensor } from "@gradus/gradus";
import type { WebGpuOptimizer } from "@gradus/gradus/webgpu";
import type { ReduceOpName } from "../../dsl/node.ts";
import { reduceOps, treeName } from "../../dsl/ops.ts";
import { randomWords } from "../../tests/numbers.ts";

/** What the library states of sums, by the sum of absolute values. */
const SHARE = 1e-6;

/** One element, and lengths below and beyond what a workgroup reduces at once. */
const SHAPES: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1],
  [3, 700],
  [301, 10],
  [1, 4097],
  [64, 1000],
];

/** How a reduction was found to compute. */
export interface FoundReduction {
  readonly compared: number;
  readonly share: number;
  readonly wrong: readonly string[];
}

/** What a reduction is held to, in words. */
export function spellBound(name: ReduceOpName): string {
  return isExact(name) ? "bits" : `${SHARE} of the reduction of absolute values`;
}

/** An optimizer that does nothing but a reduction, in every way. */
export function optimizerOf(name: ReduceOpName): Optimizer {
  const { call } = reduceOps[name];
  return factory(parseProgram({
    name: "reduction",
    state: {
      ofTensor: { over: "tensor" },
      ofTree: { over: "tensor" },
      ofRows: { over: -1 },
      ofColumns: { over: 0 },
    },
    step: `
      ofTensor = ${call}(g)
      ofTree = ${treeName(call)}(g)
      ofRows = ${call}(g, axis=-1)
      ofColumns = ${call}(g, axis=0)
      u = 0*g
    `,
  }))();
}

type Tree = Record<string, Tensor & { readonly data: Float32Array }>;

/** Compares on numbers of one sign, of both, and on special ones; `largest` elements in one leaf too. */
export async function compare(
  gpu: WebGpuOptimizer,
  opt: Optimizer,
  name: ReduceOpName,
  largest: number,
): Promise<FoundReduction> {
  const wrong: string[] = [];
  let [compared, most] = [0, 0];
  for (const [kind, number] of Object.entries(kinds)) {
    const shapes = kind === "special" ? SHAPES : [...SHAPES, [100, Math.ceil(largest / 100)]];
    const next = randomWords(1);
    const gradients = treeOf(shapes, () => number(next));
    const got = await onGpu(gpu, gradients);
    const wanted = interpreted(opt, gradients);
    const absolute = mapTree(gradients, Math.abs);
    const scales = isExact(name) ? wanted : interpreted(opt, absolute);
    for (const [place, numbers] of wanted) {
      numbers.forEach((x, i) => {
        const mine = got.get(place)![i];
        compared++;
        if (Object.is(mine, x)) return;
        const error = mine === x && x === 0 ? 0 : Math.abs(mine - x) / scales.get(place)![i];
        const isRight = !isExact(name) && error <= SHARE;
        if (!isRight) wrong.push(`${name} of ${kind} numbers, ${place}[${i}] = ${x}, not ${mine}`);
        if (Number.isFinite(error)) most = Math.max(most, error);
      });
    }
  }
  return { compared, share: most, wrong };
}

function isExact(name: ReduceOpName): boolean {
  return name === "ReduceMax" || name === "ReduceMin";
}

type Kind = (next: () => number) => number;

/** Up to 2^10 apart. */
const positive: Kind = (next) => Math.fround((1 + next() / 2 ** 32) * 2 ** (next() % 10 - 5));
const special = [Infinity, -Infinity, NaN, 0, -0, 1, -2];
const kinds: Readonly<Record<string, Kind>> = {
  "positive": positive,
  "negative": (next) => -positive(next),
  "mixed": (next) => (next() % 2 === 0 ? 1 : -1) * positive(next),
  // Few enough that many a row has but one or none.
  "special": (next) => next() % 200 === 0 ? special[next() % special.length] : positive(next),
};

function treeOf(shapes: readonly (readonly number[])[], number: () => number): Tree {
  return Object.fromEntries(
    shapes.map(([rows, columns], i) => {
      const data = Float32Array.from({ length: rows * columns }, number);
      return [`leaf${i}`, { data, shape: [rows, columns] }];
    }),
  );
}

function mapTree(tree: Tree, change: (x: number) => number): Tree {
  return Object.fromEntries(
    Object.entries(tree).map((
      [name, { data, shape }],
    ) => [name, { data: data.map(change), shape }]),
  );
}

async function onGpu(gpu: WebGpuOptimizer, gradients: Tree): Promise<Map<string, number[]>> {
  const params = gpu.upload(mapTree(gradients, () => 0));
  const given = gpu.upload(gradients);
  const state = gpu.init(params);
  gpu.step(params, given, state);
  const found = numbersIn(await gpu.download(state));
  [params, given, state].forEach((tree) => gpu.release(tree));
  return found;
}

function interpreted(opt: Optimizer, gradients: Tree): Map<string, number[]> {
  const reference = opt.with({ backend: "interpreter" });
  const params = mapTree(gradients, () => 0);
  const state = reference.init(params);
  reference.step(params, gradients, state);
  return numbersIn(state);
}

/** The numbers of every array of a state, by their places. */
function numbersIn(state: object): Map<string, number[]> {
  return new Map(
    ["ofTensor", "ofTree", "ofRows", "ofColumns"].flatMap((name) =>
      Object.entries((state as Record<string, object>)[name]).map(([leaf, array]) => {
        const data = ArrayBuffer.isView(array) ? array : (array as Tensor).data;
        return [`${name}.${leaf}`, [...data as Float32Array]] as const;
      })
    ),
  );
}
