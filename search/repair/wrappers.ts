/** Calls that a new expression may stand in, so that one twice the size of the library's is found. */
import { postorder } from "../../dsl/node.ts";
import type { SearchFunction } from "../programs/functions.ts";
import type { Space } from "../programs/space.ts";
import { called, inverted, isInvertible, type Numbers } from "./calls.ts";
import type { Library } from "./library.ts";

/** A function around an expression; its other argument, if it has one, is a variable or a number of the library. */
export interface Wrapper {
  readonly call: number;
  /** Where the expression stands among the arguments. */
  readonly argument: number;
  /** The other argument, or undefined. */
  readonly other: number | undefined;
}

/** All wrappers of a library, in an order that only the space and the library decide. */
export function wrappersOf({ functions, index }: Space, library: Library): readonly Wrapper[] {
  const { variables, constants } = library.options;
  const others = Array.from({ length: variables + constants.length }, (_, each) => each);
  return library.options.functions.flatMap((name): Wrapper[] => {
    const call = index.get(name);
    if (call === undefined) return [];
    const given = functions[call];
    const { parameters, commutes } = given;
    if (parameters.length > 2 || parameters.some(({ kind }) => kind === "scalar")) return [];
    return parameters.flatMap((_, argument): Wrapper[] => {
      if (!isInvertible(given, argument) || (commutes && argument === 1)) return [];
      if (hasExtremes(given)) return [];
      return parameters.length === 1
        ? [{ call, argument, other: undefined }]
        : others.map((other) => ({ call, argument, other }));
    });
  });
}

/** Whether an extreme is part of a function: of what was the less in it, too little is left. */
function hasExtremes({ expression }: SearchFunction): boolean {
  return postorder([expression]).some(({ op }) => op === "Max" || op === "Min");
}

/** The arguments of a wrapper. */
export function wrapped<T>({ argument, other }: Wrapper, inner: T, outer: T): T[] {
  return other === undefined ? [inner] : argument === 0 ? [inner, outer] : [outer, inner];
}

/** What stands in a wrapper must give for the whole to give what it should. */
export function within(
  given: SearchFunction,
  wrapper: Wrapper,
  desired: Float64Array,
  other: Numbers,
): Float64Array {
  // Of two values that give the same, the one above 0.
  return inverted(given, wrapper.argument, desired, wrapped<Numbers>(wrapper, 1, other));
}

/** What a wrapper gives. */
export function around(
  given: SearchFunction,
  wrapper: Wrapper,
  inner: Float64Array,
  other: Numbers,
): Numbers {
  return called(given, wrapped<Numbers>(wrapper, inner, other));
}
