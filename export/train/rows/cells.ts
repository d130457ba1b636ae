/** What LSTM, GRU and RNN make of what a step reads and of the states before it. */
import type { Builder } from "../emit.ts";
import type { Value } from "../value.ts";
import type { At } from "./row.ts";

/** A direction of an operator, of matrices: weights [G·H, I] and [G·H, H], biases [G·H]. */
export interface Direction {
  readonly at: At;
  readonly hidden: number;
  /** Of all steps, [T·B, I]. */
  readonly x: Value;
  readonly weight: Value;
  readonly recurrence: Value;
  readonly biases: readonly [ofWeight: Value, ofRecurrence: Value] | undefined;
  /** An LSTM's [H] for each of its gates i, o and f. */
  readonly peepholes: readonly Value[] | undefined;
  readonly activations: readonly string[];
}

/** What a cell makes of what a step reads, [B, G·H], and the states before: the states after. */
export type Cell = (read: Value, states: readonly Value[]) => readonly Value[];

/** What all steps read, and the cell. */
export interface Cells {
  readonly read: Value;
  readonly cell: Cell;
}

/** i, o, f = σ(…), c' = f·c + i·tanh(…), h' = o·tanh(c'). */
export function lstm(direction: Direction): Cells {
  const { at: { build }, hidden, recurrence, peepholes, activations: [f, g, h] } = direction;
  const four = Array(4).fill(hidden);
  const cell: Cell = (read, [before, carried]) => {
    const all = gemm(before, recurrence, read, build);
    const gated = (part: Value) => build.emit(f, [part]);
    const output = (c: Value, o: Value) => {
      return [build.write("o*y", { o, y: build.emit(h, [c]) }), c];
    };
    if (peepholes === undefined) {
      const [three, wide] = split(all, [3 * hidden, hidden], 1, build);
      const [i, o, forget] = split(gated(three), four.slice(1), 1, build);
      const y = build.emit(g, [wide]);
      return output(build.write("f*c + i*y", { f: forget, c: carried, i, y }), o);
    }
    const [pi, po, pf] = peepholes;
    const [i, o, forget, wide] = split(all, four, 1, build);
    const peep = (part: Value, p: Value, c: Value) =>
      gated(build.write("a + p*c", { a: part, p, c }));
    const c = build.write("f*c + i*y", {
      f: peep(forget, pf, carried),
      c: carried,
      i: peep(i, pi, carried),
      y: build.emit(g, [wide]),
    });
    return output(c, peep(o, po, c));
  };
  return { read: readBy(direction, bothBiases(direction)), cell };
}

/** z, r = σ(…), n = tanh(…) of what r resets, h' = (1 - z)·n + z·h. */
export function gru(direction: Direction): Cells {
  const { at, hidden, recurrence, biases, activations: [f, g] } = direction;
  const { build } = at;
  const two = [2 * hidden, hidden];
  const next = (n: Value, z: Value, h: Value) => [build.write("n + z*(h - n)", { n, z, h })];
  const gated = (part: Value) => split(build.emit(f, [part]), [hidden, hidden], 1, build);
  if (at.int("linear_before_reset", 0) !== 0) {
    const cell: Cell = (read, [h]) => {
      const [gates, wide] = split(read, two, 1, build);
      const [more, own] = split(gemm(h, recurrence, biases?.[1], build), two, 1, build);
      const [z, r] = gated(build.write("a + b", { a: gates, b: more }));
      return next(build.emit(g, [build.write("a + r*b", { a: wide, r, b: own })]), z, h);
    };
    return { read: readBy(direction, biases?.[0]), cell };
  }
  const [ofGates, ofReset] = split(recurrence, two, 0, build);
  const cell: Cell = (read, [h]) => {
    const [gates, wide] = split(read, two, 1, build);
    const [z, r] = gated(gemm(h, ofGates, gates, build));
    const reset = build.write("r*h", { r, h });
    return next(build.emit(g, [gemm(reset, ofReset, wide, build)]), z, h);
  };
  return { read: readBy(direction, bothBiases(direction)), cell };
}

/** h' = tanh(…). */
export function rnn(direction: Direction): Cells {
  const { at: { build }, recurrence, activations: [f] } = direction;
  const cell: Cell = (read, [h]) => [build.emit(f, [gemm(h, recurrence, read, build)])];
  return { read: readBy(direction, bothBiases(direction)), cell };
}

/** What all steps read of the input, in one product. */
function readBy({ at: { build }, x, weight }: Direction, bias: Value | undefined): Value {
  return gemm(x, weight, bias, build);
}

function bothBiases({ at: { build }, biases }: Direction): Value | undefined {
  return biases && build.emit("Add", [biases[0], biases[1]]);
}

/** a·bᵀ + c. */
function gemm(a: Value, b: Value, c: Value | undefined, build: Builder): Value {
  return build.emit("Gemm", [a, b, c], { transB: 1 });
}

/** A value in parts along an axis. */
export function split(
  value: Value,
  sizes: readonly number[],
  axis: number,
  build: Builder,
): Value[] {
  return build.emitAll("Split", [value, build.ints(sizes)], { axis }, sizes.length);
}
