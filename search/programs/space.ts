/** What a search ranges over: the functions and variables of its programs. */
import { GradusError } from "../../dsl/errors.ts";
import { type Kinds, RECORD, requireOptions, whole } from "../../dsl/options.ts";
import {
  type FunctionDocument,
  type Kind,
  paperFunctions,
  readFunction,
  type SearchFunction,
} from "./functions.ts";

/** What a space is made of; what is left out is the paper's. */
export interface SpaceOptions {
  /** Functions by name. Default {@linkcode paperFunctions}. */
  readonly functions?: Readonly<Record<string, FunctionDocument>>;
  /** Names of states, each one number an element, 0 at first. Default `["m", "v"]`. */
  readonly states?: readonly string[];
  /** Inputs that no statement may assign, such as `["lr"]`, so that every program obeys its schedule. */
  readonly freeze?: readonly string[];
  /** Statements beyond which none is inserted, redundant ones included. Default 1000. */
  readonly longest?: number;
}

const NAMES: Kinds<SpaceOptions>["states"] = {
  is: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  must: "a list of names",
};
const KINDS: Kinds<SpaceOptions> = {
  functions: RECORD,
  states: NAMES,
  freeze: NAMES,
  longest: whole(1),
};

/** A space of programs: plain data, which can be sent to workers, and what follows from it. */
export interface Space {
  /** What it was made of. */
  readonly options: Required<SpaceOptions>;
  /** Its functions. */
  readonly functions: readonly SearchFunction[];
  /** The place of each function among them. */
  readonly index: ReadonlyMap<string, number>;
  /** What every program may read from its first statement on: `w`, `g`, `lr`, then the states. */
  readonly inputs: readonly string[];
  /** What each input holds. */
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Inputs that no statement may assign. */
  readonly frozen: ReadonlySet<string>;
}

/** The variable that holds a program's result, which is subtracted from the parameter. */
export const UPDATE = "update";
const INPUTS = ["w", "g", "lr"];
/** The first input that is a state. */
export const FIRST_STATE: number = INPUTS.length;

/**
 * Makes a space of programs.
 *
 * @example
 * ```ts
 * import { paperFunctions, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const { sign: _, ...withoutSign } = paperFunctions;
 * const small = space({ functions: { ...withoutSign, cbrt: { takes: ["x"], gives: "cbrt(x)" } } });
 * assertEquals(small.functions.length, 42);
 * ```
 *
 * @throws {GradusError} if a function or a name cannot be used.
 */
export function space(options: SpaceOptions = {}): Space {
  requireOptions("Cannot make a space", options, KINDS);
  const { functions = paperFunctions, states = ["m", "v"], freeze = [], longest = 1000 } = options;
  const read = Object.entries(functions).map(([name, document]) => readFunction(name, document));
  const inputs = [...INPUTS, ...states];
  for (const name of states) {
    const isTaken = [...INPUTS, UPDATE].includes(name) ||
      states.indexOf(name) < states.lastIndexOf(name);
    if (isTaken || !/^[a-z][A-Za-z0-9_]{0,31}$/.test(name)) {
      throw new GradusError(
        `Cannot make a space: a state must have an identifier of its own: given \`${name}\``,
      );
    }
  }
  for (const name of freeze) {
    if (inputs.includes(name)) continue;
    throw new GradusError(
      `Cannot make a space: what is frozen must be one of ${inputs.join(", ")}: given \`${name}\``,
    );
  }
  return {
    options: { functions, states, freeze, longest },
    functions: read,
    index: new Map(read.map(({ name }, i) => [name, i])),
    inputs,
    kinds: new Map(inputs.map((name) => [name, name === "lr" ? "scalar" : "tensor"])),
    frozen: new Set(freeze),
  };
}
