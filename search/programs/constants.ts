/** Mutations of all constants of a program together, each in terms of its own distance to 0 or to 1. */
import { exp2 } from "./exact_math.ts";
import type { Genome } from "./genome.ts";
import type { Mutation } from "./mutations.ts";
import type { Random } from "./random.ts";

/** The widest step, in doublings. */
const WIDEST = 1;
const HALVINGS = 10;

/**
 * Constants changed together, about half of them: each that is between 0 and 1 by its distance to the nearer of
 * the two, as the weights of means are. How far they go is drawn, too, from half as much again to a thousandth.
 *
 * @example
 * ```ts
 * import { parseGenome, Random, scale, space } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const genome = parseGenome(space(), "m = interp(g, m, 0.99)\nupdate = mul(m, 0.01)");
 * const [{ args }] = scale(space(), genome, new Random(1, 0, 0))!;
 * assert(Number(args[2]) > 0.9 && Number(args[2]) < 1);
 * ```
 */
export const scale: Mutation = (_space, genome, random): Genome | undefined => {
  const width = WIDEST * exp2(-random.below(HALVINGS));
  return changed(genome, random, (value) => {
    const factor = exp2(width * random.normal());
    return isNearOne(value) ? 1 - (1 - value) * factor : value * factor;
  });
};

/**
 * Constants said in a digit or two, about half of them: each as it is, or as what it lacks of 1.
 *
 * @example
 * ```ts
 * import { parseGenome, printGenome, Random, round, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const genome = parseGenome(space(), "m = interp(g, m, 0.98713)\nupdate = sign(m)");
 * const child = round(space(), genome, new Random(2, 0, 0))!;
 * assertEquals(printGenome(space(), child).split("\n")[0], "m = interp(g, m, 0.99)");
 * ```
 */
export const round: Mutation = (_space, genome, random): Genome | undefined =>
  changed(genome, random, (value) => {
    const digits = 1 + random.below(2);
    const less = Number((1 - value).toPrecision(digits));
    return isNearOne(value)
      ? Number((1 - less).toPrecision(12))
      : Number(value.toPrecision(digits));
  });

const isNearOne = (value: number): boolean => value > 0.5 && value < 1;

/** About half of the constants changed, at least one; undefined where that changes nothing. */
function changed(
  genome: Genome,
  random: Random,
  change: (value: number) => number,
): Genome | undefined {
  const count = genome.reduce((sum, { args }) => sum + args.filter(isConstant).length, 0);
  if (count === 0) return undefined;
  const one = random.below(count);
  let [number, isOther] = [0, false];
  const child = genome.map((statement) => ({
    ...statement,
    args: statement.args.map((arg) => {
      if (!isConstant(arg)) return arg;
      if (number++ !== one && random.below(2) === 0) return arg;
      const value = change(arg);
      if (value !== arg) isOther = true;
      return value;
    }),
  }));
  return isOther ? child : undefined;
}

function isConstant(arg: string | number): arg is number {
  return typeof arg === "number" && Number.isFinite(arg);
}
