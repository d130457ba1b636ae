/** Puts what was found into a program. */
import { analyse } from "../analysis/structure.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { type Genome, type GenomeStatement, mistakeIn } from "../programs/genome.ts";
import { freshName } from "../programs/mutations.ts";
import { type Space, UPDATE } from "../programs/space.ts";
import type { Fit } from "./fit.ts";
import type { Library } from "./library.ts";
import type { ArgumentPlace } from "./trajectory.ts";
import { wrapped, type Wrapper } from "./wrappers.ts";

/**
 * What is to be put in: an expression, or an extreme of it and 0, times a factor and plus a term, in a wrapper or
 * in none.
 */
export interface Find {
  readonly wrapper: Wrapper | undefined;
  readonly expression: number;
  /** The function that is the extreme of two. */
  readonly extreme?: number;
  readonly fit: Fit;
}

/** Where something is put in: at a place of a genome whose first statements go where nothing reads them. */
interface Target {
  readonly genome: Genome;
  readonly lead: number;
  readonly place: ArgumentPlace;
}

/** The genome with a find in its place; undefined if it is no program of the space, or too long. */
export function putIn(
  space: Space,
  library: Library,
  { genome, lead, place }: Target,
  { wrapper, expression, extreme, fit }: Find,
  names: readonly string[],
): Genome | undefined {
  const made: GenomeStatement[] = [];
  const taken: GenomeStatement[] = [];
  const fresh = () => {
    const target = freshName(space, [...genome, ...made, ...taken]);
    taken.push({ target, call: 0, args: [] });
    return target;
  };
  const write = (each: number): string | number => {
    const { statements, value } = library.statementsOf(each, names, fresh);
    made.push(...statements);
    return value;
  };
  const call = (number: number, args: readonly (string | number)[]): string => {
    const target = fresh();
    made.push({ target, call: number, args });
    return target;
  };
  let value = write(expression);
  if (extreme !== undefined) value = call(extreme, [value, 0]);
  for (const [op, number, neutral] of [["Mul", fit.factor, 1], ["Add", fit.term, 0]] as const) {
    if (number === neutral) continue;
    const operation = operationOf(space, op);
    if (operation < 0) return undefined;
    value = call(operation, [value, number]);
  }
  if (wrapper !== undefined) {
    const other = wrapper.other === undefined ? 0 : write(wrapper.other);
    value = call(wrapper.call, wrapped<string | number>(wrapper, value, other));
  }
  if (place === "update") {
    if (made.length === 0) return undefined;
    made.push({ ...made.pop()!, target: UPDATE });
  }
  const position = place === "update" ? genome.length : place.statement;
  const rest = genome.slice(position);
  if (place !== "update") {
    const [reader, ...others] = rest;
    rest.splice(0, rest.length, {
      ...reader,
      args: reader.args.with(place.argument, value),
    }, ...others);
  }
  const child = [...genome.slice(0, position), ...made, ...rest];
  const used = child.filter(({ target }, i) =>
    i >= lead || child.some(({ args }) => args.includes(target))
  );
  if (mistakeIn(space, used) !== undefined) return undefined;
  const { longest } = space.options;
  if (used.length <= longest) return used;
  const { live } = analyse(space, used);
  return live.length <= longest ? live.map((i) => used[i]) : undefined;
}

/** The function that does one operation on its two arguments, or -1. */
export function operationOf({ functions }: Space, op: ElementOpName): number {
  return functions.findIndex(({ expression, parameters }) =>
    parameters.length === 2 && expression.op === op &&
    expression.src.every(({ op }) => op === "Symbol") && expression.src[0] !== expression.src[1]
  );
}
