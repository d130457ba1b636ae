/** The reflections of `qr` in WebAssembly: a row of columns at a time, two by two. */
import { type MakeWorkspace, orthonormal } from "../../../dsl/householder.ts";
import type { Operand } from "../../plan/products.ts";
import { Code } from "./code.ts";
import { Module } from "./module.ts";

const PAGE = 65_536;
const MOST_PAGES = 65_535;

interface Kernel {
  readonly memory: WebAssembly.Memory;
  /** Reflects `rows` rows of `pairs` pairs of columns. */
  run(
    vector: number,
    matrix: number,
    products: number,
    rows: number,
    pairs: number,
    rowBytes: number,
    scale: number,
  ): void;
}

let kernel: Kernel | undefined;

/** Writes the first factor of a matrix. */
export function orthonormalize({ data, sizes }: Operand, out: Operand["data"]): void {
  const matrix = { sizes, data: Float64Array.from(data) };
  out.set(orthonormal(matrix, fits(sizes) ? workspace : undefined).data);
}

/** Whether a memory can hold what a matrix goes through. */
function fits([rows, columns]: Operand["sizes"]): boolean {
  return 8 * (2 * rows + 1) * (columns + 1) <= MOST_PAGES * PAGE;
}

const workspace: MakeWorkspace = (elements, length, row) => {
  const { memory, run } = kernel ??= makeKernel();
  const bytes = 8 * (elements + length + row);
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  const [vectorsAt, productsAt] = [8 * elements, 8 * (elements + length)];
  return {
    matrix: new Float64Array(memory.buffer, 0, elements),
    vectors: new Float64Array(memory.buffer, vectorsAt, length),
    reflect: ({ vector, scale, at, rows, columns, stride }) =>
      run(
        ...[vectorsAt + 8 * vector, 8 * at, productsAt, rows, Math.ceil(columns / 2)] as const,
        ...[8 * stride, scale] as const,
      ),
  };
};

function makeKernel(): Kernel {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES });
  const module = new Module({ shared: false, initial: 1, maximum: MOST_PAGES });
  module.add(reflection());
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    env: { memory },
  });
  return { memory, run: exports.reflect as Kernel["run"] };
}

/** The loops over rows and, within, over pairs of columns: what is multiplied, and what is subtracted. */
function reflection(): Code {
  const params = ["i32", "i32", "i32", "i32", "i32", "i32", "f64"] as const;
  const code = new Code({ name: "reflect", params, results: [] });
  const [vector, matrix, products, rows, pairs, rowBytes, scale] = params.map((_, i) =>
    code.param(i)
  );
  const [v, row, element, product, left, pair] = Array.from({ length: 6 }, () => code.local("i32"));
  const factor = code.local("v128");
  const advance = (local: typeof v, bytes: number) =>
    code.get(local).i32(bytes).op("i32.add").set(local);
  const again = (count: typeof v) => code.get(count).i32(1).op("i32.sub").tee(count).branchIf(0);
  const eachPair = (body: () => void) => {
    code.get(products).set(product).get(pairs).set(pair);
    code.loop(() => {
      body();
      advance(product, 16);
      again(pair);
    });
  };
  const eachRow = (pushFactor: () => void, body: () => void) => {
    code.get(vector).set(v).get(matrix).set(row).get(rows).set(left);
    code.loop(() => {
      pushFactor();
      code.set(factor).get(row).set(element);
      eachPair(() => {
        body();
        advance(element, 16);
      });
      advance(v, 8);
      code.get(row).get(rowBytes).op("i32.add").set(row);
      again(left);
    });
  };
  eachPair(() => code.get(product).splat("f64x2", 0).memory("v128.store", 0));
  eachRow(() => code.get(v).memory("v128.load64_splat", 0), () => {
    code.get(product).get(product).memory("v128.load", 0);
    code.get(factor).get(element).memory("v128.load", 0).op("f64x2.mul", "f64x2.add");
    code.memory("v128.store", 0);
  });
  const push = () => {
    code.get(scale).op("f64x2.splat").get(v).memory("v128.load64_splat", 0).op("f64x2.mul");
  };
  eachRow(push, () => {
    code.get(element).get(element).memory("v128.load", 0);
    code.get(factor).get(product).memory("v128.load", 0).op("f64x2.mul", "f64x2.sub");
    code.memory("v128.store", 0);
  });
  return code;
}
