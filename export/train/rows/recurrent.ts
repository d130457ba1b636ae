/** LSTM, GRU and RNN, written out step by step: one product for what all steps read, then a cell a step. */
import type { Builder } from "../emit.ts";
import { isFloat, type Kind, product, type Size, unknownSize, type Value } from "../value.ts";
import type { At, Row, Rows } from "./row.ts";

/** What a sequence comes to in one direction: a state after each step. */
interface Run {
  /** By the order of the sequence, whatever the order of the steps. */
  readonly outputs: readonly Value[];
  /** The last of each state: h, and c if there is one. */
  readonly last: readonly Value[];
}

/** A direction of an operator, of matrices: weights [G·H, I] and [G·H, H], biases [G·H]. */
interface Direction {
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
  /** Splits what all steps have into theirs. */
  steps(value: Value): readonly Value[];
}

/** What a cell makes of what a step reads, [B, G·H], and the states before: the states after. */
type Cell = (read: Value, states: readonly Value[]) => readonly Value[];

/** An operator of its own number of gates. */
interface Kinds {
  readonly gates: number;
  readonly activations: readonly string[];
  /** How many states there are. */
  readonly states: number;
  /** Writes what is read by all steps, and the cell. */
  cell(direction: Direction): { readonly read: Value; readonly cell: Cell };
}

/** The recurrent operators. */
export const recurrences: Rows = {
  LSTM: recurrent({ gates: 4, activations: ["Sigmoid", "Tanh", "Tanh"], states: 2, cell: lstm }),
  GRU: recurrent({ gates: 3, activations: ["Sigmoid", "Tanh"], states: 1, cell: gru }),
  RNN: recurrent({ gates: 1, activations: ["Tanh"], states: 1, cell: rnn }),
};

function recurrent(kinds: Kinds): Row {
  return { shape: (at) => shapes(kinds, at), lower: (at) => writtenOut(kinds, at) };
}

const isBatchFirst = (at: At) => at.int("layout", 0) !== 0;

function shapes({ states }: Kinds, at: At): Kind[] {
  const { type, shape } = at.input(0);
  const [R, W] = [at.input(2).shape, at.input(1).shape];
  const [directions, hidden] = [R?.[0] ?? W?.[0] ?? unknownSize(), R?.[2] ?? unknownSize()];
  if (shape?.length !== 3) return Array(1 + states).fill({ type, shape: undefined });
  const [length, batch] = isBatchFirst(at) ? [shape[1], shape[0]] : [shape[0], shape[1]];
  const all = isBatchFirst(at)
    ? [batch, length, directions, hidden]
    : [length, directions, batch, hidden];
  const last = isBatchFirst(at) ? [batch, directions, hidden] : [directions, batch, hidden];
  return [{ type, shape: all }, ...Array<Kind>(states).fill({ type, shape: last })];
}

function writtenOut(kinds: Kinds, at: At): Value[] {
  const { build } = at;
  const { gates, states } = kinds;
  const given = at.float32(0);
  const shape = at.shape(0);
  if (shape.length !== 3) at.refuse("its input must have three dimensions");
  const x = isBatchFirst(at) ? build.transpose(given, [1, 0, 2]) : given;
  const [length, batch, width] = isBatchFirst(at) ? [shape[1], shape[0], shape[2]] : shape;
  const hidden = at.shape(2)[2];
  if (typeof length !== "number" || length === 0) {
    return at.refuse(
      `the length of its sequence must be known: given ${length || "none"}; ` +
        `export the model with sequences of one length`,
    );
  }
  if (typeof hidden !== "number" || typeof width !== "number") {
    return at.refuse("the number of its inputs and of its hidden values must be known");
  }
  requirePlain(length, at);
  const order = directionOf(at);
  const activations = activationsOf(kinds, order.length, at);
  const rows = gates * hidden;
  const parts = (i: number, sizes: readonly Size[]) => apart(i, order.length, sizes, at);
  const [weights, recurrences] = [parts(1, [rows, width]), parts(2, [rows, hidden])];
  const biases = parts(3, [2 * rows]);
  const firsts = Array.from({ length: states }, (_, i) => firstStates(5 + i, order, batch, at));
  const peepholes = at.place.op === "LSTM" ? parts(7, [3 * hidden]) : undefined;
  const flat = build.reshape(x, [product([length, batch]), width]);
  const counts = build.emit("Expand", [build.sizes([batch]), build.ints([length])]);
  const steps = (value: Value) =>
    length === 1 ? [value] : build.emitAll("Split", [value, counts], { axis: 0 }, length);
  const runs = order.map((isForward, d): Run => {
    const { read, cell } = kinds.cell({
      ...{ at, hidden, x: flat, weight: weights![d], recurrence: recurrences![d], steps },
      biases: biases && split(biases[d], [rows, rows], 0, build) as [Value, Value],
      peepholes: peepholes && split(peepholes[d], [hidden, hidden, hidden], 0, build),
      activations: activations[d],
    });
    let now = firsts.map((each) => each[d]);
    const outputs = isForward ? steps(read) : steps(read).toReversed();
    const made = outputs.map((each) => (now = [...cell(each, now)])[0]);
    return { outputs: isForward ? made : made.reverse(), last: now };
  });
  return joined(runs, [length, batch, hidden], at);
}

/** What the outputs of the operator are, of its directions. */
function joined(
  runs: readonly Run[],
  [length, batch, hidden]: readonly [number, Size, number],
  at: At,
): Value[] {
  const { build } = at;
  const together = (values: readonly Value[], axis: number) =>
    values.length === 1 ? values[0] : build.emit("Concat", values, { axis });
  const all = together(
    runs.map(({ outputs }) => build.reshape(together(outputs, 0), [length, 1, batch, hidden])),
    1,
  );
  const last = runs[0].last.map((_, i) =>
    together(runs.map((run) => build.reshape(run.last[i], [1, batch, hidden])), 0)
  );
  if (!isBatchFirst(at)) return [all, ...last];
  const turned = last.map((each) => build.transpose(each, [1, 0, 2]));
  return [build.transpose(all, [2, 0, 1, 3]), ...turned];
}

/** i, o, f = σ(…), c' = f·c + i·tanh(…), h' = o·tanh(c'). */
function lstm(direction: Direction): { read: Value; cell: Cell } {
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
function gru(direction: Direction): { read: Value; cell: Cell } {
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
function rnn(direction: Direction): { read: Value; cell: Cell } {
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

function split(value: Value, sizes: readonly number[], axis: number, build: Builder): Value[] {
  return build.emitAll("Split", [value, build.ints(sizes)], { axis }, sizes.length);
}

/** An input of [D, …] by direction; undefined if it is left out. */
function apart(i: number, count: number, sizes: readonly Size[], at: At): Value[] | undefined {
  const value = at.inputs[i];
  if (value === undefined) return i < 3 ? [at.input(i)] : undefined;
  const { build } = at;
  const all = count === 1 ? [value] : split(value, Array(count).fill(1), 0, build);
  return all.map((each) => build.reshape(each, sizes));
}

/** A state of [B, H] for each direction before the first step: 0 if nothing is said. */
function firstStates(i: number, order: readonly boolean[], batch: Size, at: At): Value[] {
  const { build } = at;
  const hidden = at.shape(2)[2];
  const given = at.inputs[i];
  if (given !== undefined) {
    const value = isBatchFirst(at) ? build.transpose(given, [1, 0, 2]) : given;
    const all = order.length === 1 ? [value] : split(value, [1, 1], 0, build);
    return all.map((each) => build.reshape(each, [batch, hidden]));
  }
  const zeros = build.emit("Expand", [build.number(0, at.input(0)), build.sizes([batch, hidden])]);
  return order.map(() => zeros);
}

/** Whether each direction goes forward. */
function directionOf(at: At): readonly boolean[] {
  const direction = at.text("direction", "forward");
  if (direction === "forward") return [true];
  if (direction === "reverse") return [false];
  if (direction === "bidirectional") return [true, false];
  return at.refuse(`its attribute \`direction\` must be "forward", "reverse" or "bidirectional"`);
}

const ACTIVATIONS = ["Sigmoid", "Tanh", "Relu", "Softsign", "Softplus"];

/** The operators of a cell, by direction. */
function activationsOf({ activations }: Kinds, count: number, at: At): string[][] {
  const texts = at.proto("activations")?.strings.map((each) => new TextDecoder().decode(each)) ??
    Array.from({ length: count }, () => activations).flat();
  if (texts.length !== count * activations.length) {
    at.refuse(`it must have ${count * activations.length} activations: given ${texts.length}`);
  }
  const named = texts.map((text) =>
    ACTIVATIONS.find((each) => each.toLowerCase() === text.toLowerCase()) ??
      at.refuse(`its activation ${text} has no gradient here: it takes ${ACTIVATIONS.join(", ")}`)
  );
  return Array.from(
    { length: count },
    (_, d) => named.slice(d * activations.length, (d + 1) * activations.length),
  );
}

/** Refuses what no exporter of today writes. */
function requirePlain(length: number, at: At): void {
  if (at.has("clip")) at.refuse("`clip` has no gradient here");
  if (at.int("input_forget", 0) !== 0) at.refuse("`input_forget` has no gradient here");
  if (!isFloat(at.input(2).type)) at.refuse("its weights must be of floats");
  const lengths = at.inputs[4];
  const isWhole = lengths === undefined || lengths.known?.every((each) => each === length);
  if (!isWhole) {
    at.refuse(
      "its sequences must be as long as its input is, and `sequence_lens` may tell otherwise: " +
        "export the model without packed sequences",
    );
  }
}
