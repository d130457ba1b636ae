/** Options of torch's optimizers, and what each says of hyperparameters of ours. */

/** The hyperparameters of one parameter, by our names. */
export type Numbers = Readonly<Record<string, number | boolean>>;

/** The options of a group, by torch's names. */
export type Options = Readonly<Record<string, unknown>>;

/** The extents of a parameter. */
export type Shape = readonly number[];

/** An option of torch's, and what it says of our hyperparameters. */
export interface Field {
  readonly key: string;
  /** Its value; undefined where torch is not told. */
  readonly to: (numbers: Numbers, shape: Shape) => unknown;
  /** What a value means, or undefined if it is none that the option may have. */
  readonly from: (value: unknown, shape: Shape, options: Options) => Numbers | undefined;
  /** What it must be, as a message says it. */
  readonly requires: string;
}

/** A number, or a tensor of one, as an option may be; else undefined. */
export function numberIn(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return undefined;
  const data = ArrayBuffer.isView(value) ? value : (value as { data?: unknown }).data;
  if (data instanceof Uint16Array || !ArrayBuffer.isView(data)) return undefined;
  const { length, 0: first } = data as unknown as ArrayLike<unknown>;
  return length === 1 ? numberIn(first) : undefined;
}

/** An option that is one number of ours. */
export function number(key: string, name: string): Field {
  return {
    key,
    to: (numbers) => numbers[name] ?? 0,
    from: (value) => {
      const read = numberIn(value);
      return read === undefined ? undefined : { [name]: read };
    },
    requires: "a number",
  };
}

/** An option that is a truth value of ours. */
export function truth(key: string, name: string): Field {
  return {
    key,
    to: (numbers) => numbers[name] ?? false,
    from: (value) => typeof value === "boolean" ? { [name]: value } : undefined,
    requires: "true or false",
  };
}

/** The decays of both moments. */
export const betas: Field = {
  key: "betas",
  to: ({ b1, b2 }) => [b1, b2],
  from: (value) => {
    const [b1, b2] = Array.isArray(value) && value.length === 2 ? value.map(numberIn) : [];
    return b1 === undefined || b2 === undefined ? undefined : { b1, b2 };
  },
  requires: "a pair of numbers",
};

/** An option that Gradus has nothing for; it is written unless it is `optional`. */
export function always(value: unknown, key: string, why: string, optional = false): Field {
  const text = JSON.stringify(value);
  return {
    key,
    to: () => optional ? undefined : value,
    // What is no number or text is never the same.
    from: (given) => JSON.stringify(given) === text || numberIn(given) === value ? {} : undefined,
    requires: `${text}, since ${why}`,
  };
}

// Columns and rows are the other way about: torch keeps a layer's weights as outputs by inputs.
const widthOf = ([rows, columns]: Shape): number => Math.sqrt(columns / rows);
// Updates of one size need no scale by shape.
const hasOwnScale = ({ adjust_lr_fn: how }: Options) => how === "match_rms_adamw";

/** A number that torch scales by the shape of the parameter where Gradus scales by the transposed one. */
export function byWidth({ key, requires }: Field, name: string, power: 1 | -1): Field {
  return {
    key,
    requires,
    to: (numbers, shape) => {
      const made = numbers[name] as number;
      if (numbers.consistentRms !== 0) return made;
      // What came from torch is the same again, so that parameters of one group stay so.
      return Number((made * widthOf(shape) ** power).toPrecision(15));
    },
    from: (value, shape, options) => {
      const read = numberIn(value);
      if (read === undefined) return undefined;
      return { [name]: hasOwnScale(options) ? read : read / widthOf(shape) ** power };
    },
  };
}
