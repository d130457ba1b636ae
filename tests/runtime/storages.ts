/** The ways that states may be stored, and which of them a program may choose. */
import {
  factory,
  GradusError,
  type Program,
  type RoundedStorage,
  type StorageType,
} from "../../mod.ts";

/** How a state is asked to be stored; nothing asks for nothing. */
export type Storing = StorageType | RoundedStorage | undefined;

/** Every way, and none as often as some. */
export const STORAGES: readonly Storing[] = [
  undefined,
  undefined,
  undefined,
  "float32",
  "bfloat16",
  "float16",
  "bfloat16+8",
  "block8",
  { dtype: "bfloat16", rounding: "stochastic" },
  { dtype: "float16", rounding: "stochastic", seed: 7 },
  { dtype: "bfloat16+8", rounding: "stochastic", seed: 0.5 },
];

/** `options` with the momentum stored so, or without where that is refused. */
export function storingMomentum(
  program: Program,
  options: Record<string, unknown>,
  muDtype: Storing,
): Record<string, unknown> {
  const all = { ...options, muDtype };
  try {
    factory(program)(all);
    return all;
  } catch (error) {
    if (error instanceof GradusError && error.message.includes("must not be stored")) {
      return options;
    }
    throw error;
  }
}
