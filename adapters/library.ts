/** What an array library is to a program: one spelling for each operation, on whole arrays. */
import type { ElementOpName, MatrixOpName, RandomOpName, ReduceOpName } from "../dsl/node.ts";

/** An operand: an array of the library's, or a number, already rounded to float32. */
export type Operand<A> = A | number;

/** Where random numbers are drawn: a leaf's number in the tree, and its shape. */
export interface DrawnAt {
  readonly leaf: number;
  readonly shape: readonly number[];
}

/**
 * A library of arrays `A` of float32 numbers, and of truth values where conditions are. Shapes of equal
 * rank broadcast, and arrays without axes broadcast to all. Every function borrows what it is given: it
 * frees nothing of it, and gives a new array that the caller is to {@linkcode drop}.
 */
export interface ArrayLibrary<A> {
  /** What messages call it. */
  readonly name: string;
  /**
   * What is done element by element; of the operands at least one is an array. One that is `null` is
   * lowered to others by its row of the op table, or refused by name where it has no lowering. The ops
   * that norms are made of must be spelled: see `norm.ts`.
   */
  readonly element: Readonly<Record<ElementOpName, ((...operands: Operand<A>[]) => A) | null>>;
  /**
   * Reductions over `axes`, which are kept with an extent of 1. Norms that are `null` are made of other ops,
   * scaled so that no square leaves float32.
   */
  readonly reduce:
    & Readonly<Record<Exclude<ReduceOpName, "ReduceL2">, (x: A, axes: readonly number[]) => A>>
    & { readonly ReduceL2: ((x: A, axes: readonly number[]) => A) | null };
  /** Operations on matrices, of arrays with two axes; `null` where they are not spelled. */
  readonly matrix: Readonly<Record<MatrixOpName, ((...operands: A[]) => A) | null>>;
  /** Random numbers as the op table defines them; `null` where they cannot be drawn. */
  readonly random: Readonly<
    Record<RandomOpName, ((seed: Operand<A>, counter: Operand<A>, at: DrawnAt) => A) | null>
  >;
  /** A truth value, without axes. */
  truth(value: boolean): A;
  /** An array of `shape` that has one number everywhere, rounded to float32. */
  full(value: number, shape: readonly number[]): A;
  /** The same numbers in another shape. */
  reshape(x: A, shape: readonly number[]): A;
  /** The same numbers, repeated along the axes of extent 1 that are longer in `shape`. */
  spread(x: A, shape: readonly number[]): A;
  /**
   * The same numbers, computed once: for a library that compiles, and would compute what is small anew for
   * each element of what is made of it. Others leave it out.
   */
  readonly once?: (x: A) => A;
  /** A second handle on an array; each of the two is to be dropped. */
  keep(x: A): A;
  /** Gives an array back. */
  drop(x: A): void;
}

/** Whether an operand is a number. */
export function isNumber<A>(x: Operand<A>): x is number {
  return typeof x === "number";
}
