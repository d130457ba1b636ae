/** LSTM, GRU and RNN, written out step by step: one product for what all steps read, then a cell a step. */
import { isFloat, type Kind, product, type Size, unknownSize, type Value } from "../value.ts";
import { type Cells, type Direction, gru, lstm, rnn, split } from "./cells.ts";
import type { At, Row, Rows } from "./row.ts";

/** How many steps are written out at most. */
const MOST_STEPS = 4096;

/** What a sequence comes to in one direction: a state after each step. */
interface Run {
  /** By the order of the sequence, whatever the order of the steps. */
  readonly outputs: readonly Value[];
  /** The last of each state: h, and c if there is one. */
  readonly last: readonly Value[];
}

/** An operator of its own number of gates. */
interface Kinds {
  readonly gates: number;
  readonly activations: readonly string[];
  /** How many states there are. */
  readonly states: number;
  /** Writes what is read by all steps, and the cell. */
  cell(direction: Direction): Cells;
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
  if (length > MOST_STEPS) {
    at.refuse(`its sequence must have at most ${MOST_STEPS} steps, which are written out each`);
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
      ...{ at, hidden, x: flat, weight: weights![d], recurrence: recurrences![d] },
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
