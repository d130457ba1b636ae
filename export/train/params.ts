/** Which initializers of a model are trained, and what exporters may have done to them. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { type Match, matcherOf } from "../../runtime/trees/match.ts";
import { originsOf } from "./origin.ts";
import type { GraphProto } from "./read.ts";
import { numbersIn } from "./tensor.ts";
import { DataType, isFloat, spellType } from "./value.ts";

/** What was chosen. */
export interface Chosen {
  /** In the order of the file. */
  readonly names: readonly string[];
  /** Those that were named one by one, which must have a gradient. */
  readonly named: ReadonlySet<string>;
}

/**
 * The initializers that `given` names: names, patterns in which `*` stands for any text, and patterns
 * after `!` for what is left out. Without `given`, all that are parameters: of floats, of at
 * least one dimension, since numbers alone are constants such as 0.5, with all numbers below 10,000, which those of masks
 * are not, no running statistics, no scales of a Resize, and no states of 0 that a recurrent operator begins
 * with. Where the exporter says which are parameters, none of its buffers is one. Where there are `factors` of
 * low rank, they alone.
 */
export function chooseParams(
  graph: GraphProto,
  given: readonly string[] | undefined,
  doing: string,
  factors: ReadonlySet<string> = new Set(),
): Chosen {
  const isList = given === undefined ||
    (Array.isArray(given) && given.length > 0 && given.every((each) => typeof each === "string"));
  if (!isList) {
    throw new GradusError(
      `${doing}: \`params\` must be a list of names or patterns: given ${shown(given)}`,
    );
  }
  const all = graph.initializer.map(({ name }) => name);
  const usual = new Set([...usualParams(graph), ...factors]);
  const { names: chosen, named } = given === undefined && factors.size > 0
    ? { names: factors, named: factors }
    : matching(given ?? [], all, usual, doing);
  const names = all.filter((name) => chosen.has(name));
  for (const { name, dataType } of graph.initializer) {
    if (!chosen.has(name) || dataType === DataType.FLOAT || dataType === DataType.DOUBLE) continue;
    throw new GradusError(
      `${doing}: parameter ${quoted(name)} must be float32 or float64: given ${
        spellType(dataType)
      }`,
    );
  }
  const half = graph.initializer.find(({ dataType, dims }) =>
    isFloat(dataType) && dataType !== DataType.FLOAT && dataType !== DataType.DOUBLE &&
    dims.length > 0
  );
  if (names.length === 0 && half !== undefined) {
    throw new GradusError(
      `${doing}: its parameters must be float32 or float64: given ${spellType(half.dataType)} at ` +
        `${quoted(half.name)}; convert the model first, or put factors beside them by \`lora\``,
    );
  }
  if (names.length > 0) return { names, named };
  throw new GradusError(
    `${doing}: it must have initializers of floats to train: given ${
      given === undefined ? "none" : `none of ${shown(given)}`
    }`,
  );
}

/**
 * Which of `all` names a list means, and which it has one by one: patterns mean those of them that are `usual`, and a
 * list that only leaves some out means the others of these.
 */
export function matching(
  given: readonly string[],
  all: readonly string[],
  usual: ReadonlySet<string>,
  doing: string,
): { readonly names: ReadonlySet<string>; readonly named: ReadonlySet<string> } {
  const fitting = (pattern: string): string[] => {
    const found = all.filter(matcherOf(pattern));
    if (found.length > 0) return found;
    throw new GradusError(
      `${doing}: it has no initializer ${quoted(pattern)}${suggestion(pattern, all)}`,
    );
  };
  const left = new Set(given.flatMap((each) => each[0] === "!" ? fitting(each.slice(1)) : []));
  const wanted = given.filter((each) => each[0] !== "!");
  const isExact = (each: string) => all.includes(each);
  const chosen = wanted.length === 0
    ? [...usual]
    : wanted.flatMap((each) =>
      isExact(each) ? [each] : fitting(each).filter((name) => usual.has(name))
    );
  const names = new Set(chosen.filter((name) => !left.has(name)));
  return { names, named: new Set(wanted.filter(isExact)) };
}

/**
 * What is said of each parameter by its name, as masks and partitions take it: rules of patterns, in which `*`
 * stands for any text and the first that fits holds. A shorter spelling of {@linkcode Match}.
 *
 * @example
 * ```ts
 * import { byName } from "@gradus/gradus/train";
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const mask = byName({ "*.bias": false, "norm*": false, "*": true });
 * const optimizer = adamw({ learningRate: 1e-3, mask });
 * assertEquals(mask, { match: [["*.bias", false], ["norm*", false], ["*", true]] });
 * ```
 */
export function byName<T>(patterns: Readonly<Record<string, T>>): Match<T> {
  return { match: Object.entries(patterns) };
}

/** Masks add -10,000, -1e9 or -∞ to scores; no weight is as large. */
const MASKED = 10_000;
const RECURRENT = new Set(["LSTM", "GRU", "RNN"]);

/** From which input to before which an operator has numbers that are floats and no parameters. */
const STATISTICS: Readonly<Record<string, readonly [from: number, end?: number]>> = {
  BatchNormalization: [3, 5],
  Resize: [1],
  QuantizeLinear: [1],
  DequantizeLinear: [1],
  MatMulNBits: [2, 5],
};

/** The floats of a graph that are no parameters: running statistics, and scales of images and of quantized numbers. */
export function statisticsIn({ node }: GraphProto): ReadonlySet<string> {
  return new Set(
    node.flatMap(({ opType, input }) => {
      const [from, end] = STATISTICS[opType] ?? [0, 0];
      return input.slice(from, end);
    }),
  );
}

function usualParams(graph: GraphProto): string[] {
  const { initializer, node } = graph;
  const origins = originsOf(graph);
  const statistics = statisticsIn(graph);
  const states = new Set(
    node.flatMap(({ opType, input }) => RECURRENT.has(opType) ? input.slice(5, 7) : []),
  );
  return initializer.filter((tensor) => {
    const isOwn = origins?.params.has(tensor.name);
    if (isOwn === false && !origins!.madeOf.has(tensor.name)) return false;
    // A number alone is a constant, unless the file says otherwise.
    if (!isFloat(tensor.dataType) || (tensor.dims.length === 0 && !isOwn)) return false;
    if (tensor.dataType !== DataType.FLOAT && tensor.dataType !== DataType.DOUBLE) return false;
    if (statistics.has(tensor.name) || tensor.dims.includes(0n)) return false;
    const numbers = numbersIn(tensor)!;
    const most = isOwn ? Infinity : MASKED;
    for (let i = 0; i < numbers.length; i++) if (!(Math.abs(numbers[i]) < most)) return false;
    return !states.has(tensor.name) || Array.prototype.some.call(numbers, (each) => each !== 0);
  }).map(({ name }) => name);
}
