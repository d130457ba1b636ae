/** The options of libraries and averages, and what they must be. */
import { type Kind, type Kinds, whole } from "../../dsl/options.ts";

/** What a library is made of; what is left out is the default. */
export interface LibraryOptions {
  /**
   * Names of functions, of those that the space has and that work on each element by itself. Default: sums,
   * products, quotients, extremes, means, signs, roots, powers and exponentials.
   */
  readonly functions?: readonly string[];
  /** Variables that expressions may read. Default 8. */
  readonly variables?: number;
  /** Numbers among the leaves. Default 1. */
  readonly constants?: readonly number[];
  /** Numbers for parameters that admit no tensor, such as the weight of a mean. Default 0.9. */
  readonly weights?: readonly number[];
  /** Variables, numbers and calls of the largest expressions. Default 4. */
  readonly size?: number;
  /** The most expressions; smaller ones come first. Default 500 000. */
  readonly most?: number;
}

/** A list, which may be empty, each of which is one of these. */
const listOf = (must: string, is: (each: unknown) => boolean): Kind => ({
  is: (value) => Array.isArray(value) && value.every(is),
  must,
});
const NUMBERS = listOf("a list of finite numbers", Number.isFinite);

/** Every option of a library; how `most` goes with the others, and which functions there are, it says itself. */
export const LIBRARY: Kinds<LibraryOptions> = {
  functions: listOf("a list of names of functions", (each) => typeof each === "string"),
  variables: whole(1, 16),
  constants: NUMBERS,
  weights: NUMBERS,
  size: whole(1, 16),
  most: whole(1, 2_000_000),
};

const areDecays = listOf("", (each) => typeof each === "number" && each > 0 && each < 1).is;

/** Decays of averages. */
export const DECAYS: Kind = {
  is: (value) => areDecays(value) && (value as unknown[]).length > 0,
  must: "numbers above 0 and below 1",
};
