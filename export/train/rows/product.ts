/** Products of matrices. */
import type { Attributes } from "../emit.ts";
import { broadcast, type Kind, product, type Shape, type Value } from "../value.ts";
import { einsum } from "./einsum.ts";
import type { At, Rows } from "./row.ts";

/** The products. */
export const products: Rows = {
  Einsum: einsum,
  MatMul: {
    shape: (at) => [{ type: at.input(0).type, shape: shapeOf(at) }],
    gradient: ([g], at) => {
      const [a, b] = [at.input(0), at.input(1)];
      // Vectors are matrices of one row or column.
      const [rankA, rankB] = [at.shape(0).length, at.shape(1).length];
      if (rankA > 1 && rankB > 1) return matrices(g!, a, b, at);
      const { build } = at;
      const wideA = rankA === 1 ? build.emit("Unsqueeze", [a, build.ints([0])]) : a;
      const wideB = rankB === 1 ? build.emit("Unsqueeze", [b, build.ints([1])]) : b;
      const axes = [...(rankA === 1 ? [-2] : []), ...(rankB === 1 ? [-1] : [])];
      const wideG = build.emit("Unsqueeze", [g, build.ints(axes)]);
      const [da, db] = matrices(wideG, wideA, wideB, at);
      return [da && build.reshapeLike(da, a), db && build.reshapeLike(db, b)];
    },
  },
  Gemm: {
    shape: (at) => {
      const [a, b] = [at.input(0).shape, at.input(1).shape];
      const rows = a?.[at.int("transA", 0) ? 1 : 0];
      const columns = b?.[at.int("transB", 0) ? 0 : 1];
      const isKnown = rows !== undefined && columns !== undefined;
      return [{ type: at.input(0).type, shape: isKnown ? [rows, columns] : undefined }];
    },
    gradient: ([g], at) => {
      const { build } = at;
      const [a, b, c] = [at.input(0), at.input(1), at.inputs[2]];
      const [transA, transB] = [at.int("transA", 0) ? 1 : 0, at.int("transB", 0) ? 1 : 0];
      const alpha = at.float("alpha", 1);
      const gemm = (x: Value, y: Value, transA: number, transB: number) => {
        const attributes: Attributes = { transA, transB };
        return build.emit(
          "Gemm",
          [x, y],
          alpha === 1 ? attributes : { ...attributes, alpha: { float: alpha } },
        );
      };
      const da = () => transA ? gemm(b, g!, transB, 1) : gemm(g!, b, 0, 1 - transB);
      const db = () => transB ? gemm(g!, a, 1, transA) : gemm(a, g!, 1 - transA, 0);
      const dc = () => {
        const summed = build.sumTo(g!, c!);
        const beta = at.float("beta", 1);
        return beta === 1 ? summed : build.write("beta*g", { g: summed }, { beta });
      };
      return [
        at.needs(0) ? da() : undefined,
        at.needs(1) ? db() : undefined,
        at.needs(2) ? dc() : undefined,
      ];
    },
  },
};

/** The gradients of operands of at least two dimensions. */
function matrices(g: Value, a: Value, b: Value, at: At): (Value | undefined)[] {
  const { build } = at;
  const [needsA, needsB] = [at.needs(0), at.needs(1)];
  const isFlat = b.shape!.length === 2;
  const da = () => build.sumTo(build.emit("MatMul", [g, build.turned(b)]), a);
  const db = () => {
    if (!isFlat) return build.sumTo(build.emit("MatMul", [build.turned(a), g]), b);
    // One product of matrices, however many rows there are in however many dimensions.
    const [rows, columns] = [flat(a, at), flat(g, at)];
    return build.emit("Gemm", [rows, columns], { transA: 1 });
  };
  return [needsA ? da() : undefined, needsB ? db() : undefined];
}

/** A batch of matrices below one another. */
function flat(value: Value, { build }: At): Value {
  const shape = value.shape!;
  if (shape.length === 2) return value;
  const columns = shape[shape.length - 1];
  return build.reshape(value, [product(shape.slice(0, -1)), columns]);
}

function shapeOf(at: At): Kind["shape"] {
  const [a, b] = [at.input(0).shape, at.input(1).shape];
  if (a === undefined || b === undefined) return undefined;
  const refuse = () => at.refuse("the sizes of its operands do not fit together");
  if (a.length === 0 || b.length === 0) return refuse();
  const [wideA, wideB]: Shape[] = [a.length === 1 ? [1, a[0]] : a, b.length === 1 ? [b[0], 1] : b];
  const [depthA, depthB] = [wideA.at(-1)!, wideB.at(-2)!];
  if (typeof depthA === "number" && typeof depthB === "number" && depthA !== depthB) {
    return refuse();
  }
  const batch = broadcast(wideA.slice(0, -2), wideB.slice(0, -2)) ?? refuse();
  return [
    ...batch,
    ...(a.length === 1 ? [] : [wideA.at(-2)!]),
    ...(b.length === 1 ? [] : [wideB.at(-1)!]),
  ];
}
