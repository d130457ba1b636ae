/** The operations of a library, and what they are applied to. */
import type { Space } from "../programs/space.ts";
import { isElementwise } from "./calls.ts";

/** A function with its parameters that are numbers filled in. */
export interface Operation {
  readonly call: number;
  /** For each parameter a number, or undefined for an operand. */
  readonly filled: readonly (number | undefined)[];
  readonly operands: number;
  readonly commutes: boolean;
}

/** The operations of a library: functions of elements by name, with every weight where they take one. */
export function operationsOf(
  space: Space,
  names: readonly string[],
  weights: readonly number[],
): Operation[] {
  return names.flatMap((name): Operation[] => {
    const call = space.index.get(name);
    if (call === undefined || !isElementwise(space.functions[call])) return [];
    const { parameters, commutes } = space.functions[call];
    const isNumber = parameters.map(({ kind }) => kind === "scalar");
    const operands = isNumber.filter((is) => !is).length;
    if (operands === 0) return [];
    const fillings = isNumber.includes(true) ? weights : [undefined];
    return fillings.map((weight) => ({
      call,
      filled: isNumber.map((is) => is ? weight : undefined),
      operands,
      commutes,
    }));
  });
}

/** All operands of an operation that come to a size together; `firstOf` has the first of each size. */
export function* operandsOf(
  { operands, commutes }: Operation,
  size: number,
  firstOf: readonly number[],
): Generator<readonly number[]> {
  if (operands === 1) {
    for (let each = firstOf[size]; each < firstOf[size + 1]; each++) yield [each];
    return;
  }
  for (let own = 1; own < size; own++) {
    for (let first = firstOf[own]; first < firstOf[own + 1]; first++) {
      for (const rest of operandsOf({ ...OTHERS, operands: operands - 1 }, size - own, firstOf)) {
        if (!commutes || rest[0] >= first) yield [first, ...rest];
      }
    }
  }
}
const OTHERS = { call: -1, filled: [], commutes: false } as const;
