/** States apart from where they are stepped: what was loaded, or comes from another backend. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { TfNamedTensor } from "./tf.ts";

/** Numbers of states by variable and state, in the order in which variables were first stepped. */
export interface Saved {
  /** The number of steps. */
  readonly count: number;
  /** Those of states that are one number for all variables. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly arrays: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;
}

const MOST_COUNT = 2 ** 31 - 1;

/** Reads the number of steps, as tfjs saves it: the first of its weights. */
export async function countOf(weights: readonly TfNamedTensor[], doing: string): Promise<number> {
  const first = weights[0]?.tensor;
  const [count, ...others] = first === undefined ? [] : await first.data();
  if (others.length > 0 || !Number.isInteger(count) || count < 0 || count > MOST_COUNT) {
    throw new GradusError(
      `${doing}: the first must be \`iter\`, how many steps were taken, a whole number: given ` +
        (first === undefined ? "none" : others.length > 0 ? "several" : shown(count)),
    );
  }
  return count;
}

/** Reads weights behind the first, `<variable>/<state>` or the name of a number. */
export async function readWeights(
  weights: readonly TfNamedTensor[],
  count: number,
  program: Program,
  doing: string,
): Promise<Saved> {
  const numbers = new Map<string, number>();
  const arrays = new Map<string, Map<string, Float32Array>>();
  for (const { name, tensor } of weights) {
    const data = await tensor.data();
    const at = name.lastIndexOf("/");
    const [variable, state] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
    const isNumber = program.state.get(state)?.over === "tree";
    if (!program.state.has(state) || isNumber !== (at < 0)) {
      throw new GradusError(
        `${doing}: each must be of a state, \`<variable>/<state>\`: given ${quoted(name)}` +
          suggestion(state, program.state.keys()),
      );
    }
    if (isNumber) {
      numbers.set(state, numberOf(data));
      continue;
    }
    if (!(data instanceof Float32Array)) {
      throw new GradusError(`${doing}: ${quoted(name)} must be float32: given ${tensor.dtype}`);
    }
    const states = arrays.get(variable) ?? new Map<string, Float32Array>();
    arrays.set(variable, states);
    if (states.has(state)) throw new GradusError(`${doing}: ${quoted(name)} is given twice`);
    // A copy: the array of a tensor may be the tensor's own.
    states.set(state, data.slice());
  }
  return { count, numbers, arrays };
}

/** A number as tfjs can hold it: as float32 if it is one, else as the bits of a float64. */
export function numberData(value: number): Float32Array | Int32Array {
  const isHeld = Object.is(Math.fround(value), value);
  return isHeld ? Float32Array.of(value) : new Int32Array(Float64Array.of(value).buffer);
}

/** The number that was so held. */
export function numberOf(data: Float32Array | Int32Array | Uint8Array): number {
  return data.length === 2 ? new Float64Array(Int32Array.from(data).buffer)[0] : data[0];
}

/** A variable that is to take what was saved: its name, and the number of its elements. */
export interface Taker {
  readonly name: string;
  readonly size: number;
}

/**
 * What was saved, under the names of the variables that take it: those that are `stepped`, or all that are
 * `given`, gradients or not. Names differ where a model was loaded beside the one that was saved, since
 * tfjs numbers the names of variables. So variables are told by their names if all are known; else by their
 * order, if there are as many, and none is known or all names are alike but for numbers that have shifted;
 * else by the names that are known.
 */
export function renamed(
  saved: Saved,
  stepped: readonly Taker[],
  given: readonly Taker[],
  program: Program,
  doing: string,
): Saved {
  const { arrays } = saved;
  const known = stepped.filter(({ name }) => arrays.has(name));
  if (arrays.size === 0 || known.length === stepped.length) return saved;
  const names = [...arrays.keys()];
  const isTakenBy = ({ name, size }: Taker, i: number) =>
    (known.length === 0 || name !== names[i] && baseOf(name) === baseOf(names[i])) &&
    [...arrays.get(names[i])!].every(([state, { length }]) =>
      program.state.get(state)!.over !== "element" || length === size
    );
  const inOrder = [stepped, given].find((takers) =>
    takers.length === names.length && takers.every(isTakenBy)
  );
  if (inOrder !== undefined) {
    const taken = inOrder.map(({ name }, i) => [name, arrays.get(names[i])!] as const);
    return { ...saved, arrays: new Map(taken) };
  }
  if (known.length > 0) return saved;
  throw new GradusError(
    `${doing}: the weights that were set must be of the variables that are stepped, ` +
      `${listed(stepped.map(({ name }) => name))}: given those of ${listed(names)}`,
  );
}

function baseOf(name: string): string {
  return name.replace(/_?\d+$/, "");
}

function listed(names: readonly string[]): string {
  return names.slice(0, 3).map(quoted).join(", ") + (names.length > 3 ? ", …" : "");
}
