/** Puts moving averages into a program, and what they are combined to. */
import { analyse } from "../analysis/structure.ts";
import { type Genome, type GenomeStatement, mistakeIn } from "../programs/genome.ts";
import { freshName } from "../programs/mutations.ts";
import { type Space, UPDATE } from "../programs/space.ts";
import type { Fitted } from "./fit_averages.ts";
import { called, isElementwise } from "./calls.ts";
import { short } from "./fit.ts";
import type { Levels } from "./levels.ts";
import { shortest } from "./pairs.ts";
import { operationOf } from "./put_in.ts";
import type { ArgumentPlace } from "./trajectory.ts";

/** Where averages are put in, and the states that they may take. */
interface Target {
  readonly genome: Genome;
  readonly place: ArgumentPlace;
  readonly states: readonly string[];
  /** The function that is a mean of two. */
  readonly mean: number;
}

/** The genome with averages in a place; undefined if the space lacks a function for it, or it is too long. */
export function putAverages(
  space: Space,
  { genome, place, states, mean }: Target,
  { terms, combination: { share, between, isSum, factor } }: Fitted,
  levels: Levels | undefined,
): Genome | undefined {
  const [times, plus, minus] = (["Mul", "Add", "Sub"] as const).map((op) => operationOf(space, op));
  const sign = space.functions.findIndex(({ expression: { op, src } }) =>
    op === "Sign" && src[0].op === "Symbol"
  );
  let isPossible = true;
  const made: GenomeStatement[] = [];
  const call = (number: number, ...args: (string | number)[]): string => {
    if (number < 0) isPossible = false;
    const target = freshName(space, [...genome, ...made]);
    made.push({ target, call: number, args });
    return target;
  };
  const taken: string[] = [];
  const later: GenomeStatement[] = [];
  const names = terms.map(({ name, average }) => {
    if (average === undefined) return name;
    const state = states[taken.length];
    taken.push(state);
    const renewal = { target: state, call: mean, args: [name, state, average.decay] };
    (average.isNew ? made : later).push(renewal);
    return state;
  });
  let [value, whole] = [names[0], factor];
  if (names.length > 1) {
    if (isSum) value = call(mean, ...names, shortest(between));
    else if (share === 1) [value, whole] = [names[1], -factor];
    else {
      const [least, most] = between.map((each) => each / (1 - each));
      const ratio = shortest([least, Math.min(most, 2 * least + 1)]);
      value = call(minus, value, call(times, names[1], ratio));
      if (levels === undefined) whole *= 1 - share;
    }
  }
  if (levels !== undefined) {
    value = call(sign, value);
    whole *= levels.factor;
  }
  if (short(whole) !== 1 || made.at(-1)?.target !== value) value = call(times, value, short(whole));
  if (levels !== undefined && levels.term !== 0) value = call(plus, value, short(levels.term));
  if (!isPossible) return undefined;
  const position = place === "update" ? genome.length : place.statement;
  const rest = genome.slice(position);
  if (place === "update") made.push({ ...made.pop()!, target: UPDATE });
  else rest[0] = { ...rest[0], args: rest[0].args.with(place.argument, value) };
  // Whatever else sets a state that is taken does nothing from now on.
  const isKept = ({ target }: GenomeStatement) => !taken.includes(target);
  const child = [
    ...genome.slice(0, position).filter(isKept),
    ...made,
    ...later,
    ...rest.filter(isKept),
  ];
  if (mistakeIn(space, child) !== undefined) return undefined;
  const { longest } = space.options;
  if (child.length <= longest) return child;
  const { live } = analyse(space, child);
  return live.length <= longest ? live.map((i) => child[i]) : undefined;
}

/** The function that is a mean of two, with a weight for the second, or -1. */
export function meanOf({ functions }: Space): number {
  const isMean = (weight: number) => (given: Space["functions"][number]) =>
    called(given, [3, 7, weight]) === (1 - weight) * 3 + weight * 7;
  return functions.findIndex((given) =>
    given.parameters.length === 3 && isElementwise(given) && isMean(0.25)(given) &&
    isMean(0.5)(given)
  );
}
