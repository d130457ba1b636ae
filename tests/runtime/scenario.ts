/** Random surroundings of a program: a tree of parameters, gradients, options and inputs. */
import fc from "fast-check";
import {
  type HyperValue,
  type Mask,
  parseProgram,
  schedule,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { tensorOf } from "../../runtime/trees/leaf.ts";
import { readingOf } from "../../runtime/plan/readings.ts";
import {
  allocate,
  arithmeticOf,
  type DType,
  isShort,
  storeAll,
} from "../../runtime/trees/dtype.ts";
import type { Generated } from "../dsl/generate.ts";
import { anyNumber } from "../any_number.ts";
import { edges32, edges64, randomWords } from "../numbers.ts";
import { STORAGES, type Storing, storingMomentum } from "./storages.ts";

/** A leaf of parameters: where it is, and what it is like. */
export interface LeafSketch {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** A bare array where the shape allows it. */
  readonly isBare: boolean;
}

/** Everything one run of an optimizer needs, but for the arrays, which are made from `seed`. */
export interface Scenario {
  readonly generated: Generated;
  readonly leaves: readonly LeafSketch[];
  readonly form: TreeForm;
  readonly seed: number;
  /** How many in ten numbers are the edges of a format or random bits. */
  readonly wild: number;
  readonly settings: readonly SettingSketch[];
  readonly mask: readonly boolean[] | undefined;
  readonly muDtype: Storing;
}

type TreeForm = "flat" | "nested" | "list";

interface SettingSketch {
  readonly kind: "default" | "number" | "zero" | "function" | "schedule" | "tree" | "prefix";
  readonly numbers: readonly number[];
}

/** A tree of parameters or the like. */
export type Tree = Float32Array | Float64Array | Tensor | StoredTensor | Tree[] | {
  [key: string]: Tree;
};

const SHAPES: readonly (readonly number[])[] = [
  ...[[], [5], [1], [0], [7], [2, 3], [1, 4], [3, 1], [0, 3], [3, 0], [1, 1]],
  ...[[3, 1, 2], [2, 2, 2], [2, 0, 3], [1, 1, 1], [2, 3, 1, 2]],
];

// Enough elements for several blocks of a reduction, and some left over.
const LARGE_SHAPES: readonly (readonly number[])[] = [
  ...[[8_192], [9_001], [4_097]],
  ...[[3, 3_001], [4_500, 2]],
  ...[[2, 3, 1_501], [41, 1, 210]],
];

const settings: fc.Arbitrary<SettingSketch> = fc.record({
  kind: fc.constantFrom("default", "number", "zero", "function", "schedule", "tree", "prefix"),
  numbers: fc.tuple(anyNumber, anyNumber, anyNumber),
});

/** Scenarios of programs whose parameters have at least `rank` axes. */
export function scenarios(
  generated: fc.Arbitrary<Generated>,
  rank: number,
  isLarge = false,
): fc.Arbitrary<Scenario> {
  const leaf = (shapes: readonly (readonly number[])[]): fc.Arbitrary<LeafSketch> =>
    fc.record({
      shape: fc.constantFrom(...shapes.filter((shape) => shape.length >= rank)),
      dtype: fc.constantFrom("float32", "float32", "float64", "bfloat16", "float16"),
      isBare: fc.boolean(),
    });
  const some = fc.array(leaf(SHAPES), { minLength: 1, maxLength: 4 });
  const leaves = isLarge
    ? fc.tuple(leaf(LARGE_SHAPES), some).map(([large, others]) => [large, ...others.slice(1)])
    : some;
  return fc.record({
    generated,
    leaves,
    form: fc.constantFrom("flat", "nested", "list"),
    seed: fc.nat(),
    wild: fc.constantFrom(0, 0, 0, 1, 3, 10),
    settings: fc.array(settings, { minLength: 4, maxLength: 4 }),
    mask: fc.option(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { nil: undefined }),
    muDtype: fc.constantFrom(...STORAGES),
  });
}

/** A tree of the scenario's form with `make(i)` at leaf `i`. */
export function treeOf<T>(
  { leaves, form }: Scenario,
  make: (i: number) => T,
): T | { [key: string]: unknown } | unknown[] {
  const values = leaves.map((_, i) => make(i));
  if (values.length === 1 && form === "flat") return values[0];
  const named = Object.fromEntries(values.map((value, i) => ["dcba"[i], value]));
  if (form === "flat") return named;
  if (form === "list") return values;
  return { head: values[0], tail: values.slice(1), empty: {} };
}

/**
 * A tree of arrays; another `round`, other numbers. Round 0 has the types of the parameters; in others,
 * which are gradients, some that could be short are not.
 */
export function arraysOf(scenario: Scenario, round: number): Tree {
  const next = randomWords(scenario.seed + 7_919 * round);
  return treeOf(scenario, (i) => {
    const { shape, dtype: own, isBare } = scenario.leaves[i];
    const arithmetic = arithmeticOf(own);
    const isWide = round > 0 && (scenario.seed + i + round) % 2 === 0;
    const dtype = isWide ? arithmetic : own;
    const data = allocate(dtype, shape.reduce((a, b) => a * b, 1));
    storeAll(dtype, data, () => numberOf(next, arithmetic, scenario.wild));
    return isBare && shape.length === 1 && !isShort(own) ? data : tensorOf(data, shape, dtype);
  }) as Tree;
}

function numberOf(next: () => number, dtype: "float32" | "float64", wild: number): number {
  if (next() % 10 >= wild) return (next() / 2 ** 32 - 0.5) * 8;
  const edges = dtype === "float32" ? edges32 : edges64;
  return next() % 2 === 0 ? edges[next() % edges.length] : Math.fround(2 ** (next() % 300 - 150));
}

/** The inputs that the program declares, at step `round`. */
export function inputsOf({ generated, settings }: Scenario, round: number): Record<string, number> {
  const names = Object.keys(generated.document.inputs ?? {});
  const { numbers } = settings[0];
  return Object.fromEntries(names.map((name, i) => [name, numbers[(round + i) % numbers.length]]));
}

/** Options for the program's hyperparameters: every kind that each may be. */
export function optionsOf(scenario: Scenario): Record<string, unknown> {
  const { generated, settings, mask, muDtype } = scenario;
  const { hyper = {}, state = {} } = generated.document;
  const options: Record<string, unknown> = {};
  // What a state over the tree is computed by must not differ between leaves.
  const ofTree = new Set([...readingOf(parseProgram(generated.document)).ofTree.values()].flat());
  Object.entries(hyper).forEach(([name, declared], i) => {
    const fallback = typeof declared === "object" ? declared.default : declared;
    const { kind, numbers } = settings[i];
    const isOne = ofTree.has(name) && (kind === "tree" || kind === "prefix");
    const value = settingOf({ kind: isOne ? "function" : kind, numbers }, fallback, scenario);
    if (value !== undefined) options[name] = value;
  });
  const isDecay = "weightDecay" in hyper && typeof hyper.weightDecay !== "boolean";
  if (mask !== undefined && isDecay && !ofTree.has("weightDecay")) {
    options.mask = treeOf(scenario, (i) => mask[i]) as Mask;
  }
  if (muDtype !== undefined && "m" in state) {
    const { over } = typeof state.m === "object" ? state.m : {};
    if (over !== "tree") {
      return storingMomentum(parseProgram(generated.document), options, muDtype);
    }
  }
  return options;
}

function settingOf(
  { kind, numbers }: SettingSketch,
  fallback: number | boolean | "required",
  scenario: Scenario,
): HyperValue | boolean | undefined {
  if (typeof fallback === "boolean") return kind === "number" ? !fallback : undefined;
  const [first] = numbers;
  const scheduled = (count: number) => numbers[count % numbers.length];
  const leaf = (i: number): HyperValue => i === 1 ? scheduled : numbers[i % numbers.length];
  switch (kind) {
    case "default":
      return fallback === "required" ? first : undefined;
    case "number":
      return first;
    case "zero":
      return Object.is(first, -0) ? -0 : 0;
    case "function":
      return scheduled;
    case "schedule":
      return schedule("0.5/sqrt(t) + where(count > 1, 0.25, -0.5)");
    case "tree":
      return treeOf(scenario, leaf) as HyperValue;
    case "prefix": {
      const tree = treeOf(scenario, leaf);
      if (scenario.form !== "nested") return tree as HyperValue;
      return { head: first, tail: scheduled, empty: 1 };
    }
  }
}
