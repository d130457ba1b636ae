/** What goes around a program's functions where a framework has arrays like NumPy's: options, buckets, a step. */
import { type ReduceOpName, symbolsIn } from "../../dsl/node.ts";
import { GradusError } from "../../dsl/errors.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import type { Described } from "./described.ts";
import { docstring } from "./document.ts";
import { callText, functionsOf, numberText, writingOf } from "./functions.ts";
import { isEvaluated, SECOND_EXTENT } from "./forms.ts";
import { type Golden, goldenText } from "./golden.ts";
import { pythonNumber } from "./names.ts";
import { helpersFor } from "./spelling.ts";
import { globalName } from "./writer.ts";

/** What a framework adds to a file. */
export interface ArrayFrame {
  readonly module: string;
  /** What the docstring says of the framework. */
  readonly notes: readonly string[];
  readonly imports: string;
  /** Python that widens the array `x` to what a step computes in. */
  readonly wide: string;
  /** Python of `value` in the shape and type of the array `x`. */
  readonly like: string;
  readonly code: string;
  /** Python of functions that test the file, with `_self_test` among them. */
  readonly test: string;
}

/** Python of a file around the class `name`. */
export function arrayFile(
  described: Described,
  name: string,
  golden: Golden,
  frame: ArrayFrame,
): string {
  const { module, notes, imports } = frame;
  const code = [
    ...functionsOf(described),
    stepText(described, module),
    valuesText(described, frame),
    frame.code,
  ].join("\n\n\n");
  // Neither framework has a place for it.
  const heed = isEvaluated(described) &&
    "Heed: what this trains is not what to evaluate with, and the file does not give that. " +
      "Gradus does, by evaluationParams; so do its files for torch and Optax.";
  const head = `${docstring(described, [...notes, heed])}

import math

${imports}

__all__ = ["${name}"]`;
  const test = `${goldenText(golden)}


${frame.test}


if __name__ == "__main__":
    _self_test()
    print("${name}: as Gradus computes it")`;
  return `${
    [head, helpersFor(described.spelling, code), code, test].filter(Boolean).join("\n\n\n")
  }\n`;
}

/** The hyperparameters as arguments, those without a default first; schedules are followed while None. */
export function argumentsText({ hypers, names }: Described): string {
  return [...hypers].sort((a, b) => Number(b.isRequired) - Number(a.isRequired))
    .map(({ name, value, isRequired }) => {
      const own = names.of(name);
      if (isRequired) return `, ${own}`;
      return `, ${own}=${typeof value === "number" ? pythonNumber(value) : "None"}`;
    }).join("");
}

/** What a self-test gives for hyperparameters without a default. */
export function requiredText({ hypers, names }: Described): string {
  return hypers.filter(({ isRequired }) => isRequired)
    .map(({ name, value }) => `${names.of(name)}=${pythonNumber(value as number)}`).join(", ");
}

/** The names of hyperparameters that follow a schedule while they are None. */
export function scheduled({ hypers, names }: Described): string[] {
  return hypers.filter(({ value }) => typeof value !== "number").map(({ name }) => names.of(name));
}

/** Python of the numbers with which states over the tree begin, where `values` has the hyperparameters. */
export function treeBegins(described: Described, values: string): string {
  const { program, names, treeStates, bound, hypers, doing } = described;
  return treeStates.map((name) => {
    const init = bound(program.state.get(name)!.init);
    const read = symbolsIn([init]);
    const moving = hypers.find((each) => typeof each.value !== "number" && read.has(each.name));
    if (moving !== undefined) {
      throw new GradusError(
        `${doing}: state \`${name}\` begins with hyperparameter \`${moving.name}\`, which must be a number ` +
          `for that: given a schedule`,
      );
    }
    const text = numberText(writingOf(described), init).replaceAll("bucket[", `${values}[`);
    return `"${names.of(name)}": ${text}`;
  }).join(", ");
}

/** Whether a step is one of the whole tree, and not of a parameter by itself. */
export function isOfTree({ levels, treeStates, inputs }: Described): boolean {
  return levels.length > 0 || treeStates.length > 0 || inputs.size > 0;
}

/** Whether a state begins with numbers of its parameter. */
export function beginsWithParameter({ program, states }: Described): boolean {
  return states.some((name) => symbolsIn([program.state.get(name)!.init]).has("w"));
}

/** A Python tuple of names. */
export function namesText(names: readonly string[]): string {
  return `(${names.map((name) => `"${name}",`).join(" ")})`;
}

function stepText(described: Described, module: string): string {
  const join: Readonly<Record<ReduceOpName, (parts: string) => string>> = {
    ReduceSum: (parts) => `sum(${parts})`,
    ReduceMean: (parts) => `sum(x for x, _ in ${parts}) / sum(n for _, n in ${parts})`,
    ReduceMax: (parts) => `${module}.max(${module}.stack(${parts}))`,
    ReduceMin: (parts) => `${module}.min(${module}.stack(${parts}))`,
    ReduceL2: (parts) => `${module}.sqrt(sum(${parts}))`,
  };
  const levels = described.levels.map((totals, level) =>
    `    for bucket in buckets:
        ${callText(described, `part${level}`)}
${
      totals.map(({ k, op }) => {
        const name = globalName(k);
        return `    parts = [bucket["part of ${name}"] for bucket in buckets]
    ${name} = ${join[op]("parts")}
`;
      }).join("")
    }    for bucket in buckets:
        bucket.update({${totals.map(({ k }) => `"${globalName(k)}": ${globalName(k)}`).join(", ")}})
`
  ).join("");
  return `def _step(buckets):
    """Computes what comes next of some parameters${
    described.levels.length > 0 ? ", over all of which reductions go" : ""
  }."""
${levels}    for bucket in buckets:
        ${callText(described, "update")}`;
}

function valuesText({ names }: Described, { wide, like }: ArrayFrame): string {
  const shape: Readonly<Record<string, string>> = {
    rank: "len(shape)",
    rows: "shape[0] if shape else 1",
    columns: "math.prod(shape[1:])",
    size: "math.prod(shape)",
    [SECOND_EXTENT]: "sorted((0, 0, *shape))[-2]",
  };
  return `def _wide(x):
    """An array in the type that a step computes in: float32 for shorter ones."""
    return ${wide}


def _values(w, numbers):
    """What the functions above are given of one parameter."""
    shape = tuple(w.shape)
    return {
        **numbers,
        "w": _wide(w),
        "shape of w": shape,
${
    [...SHAPE_SYMBOLS.keys(), SECOND_EXTENT].map((name) =>
      `        "${names.of(name)}": ${shape[name]},`
    ).join(
      "\n",
    )
  }
    }


def _like(value, x):
    """A number or an array as one of the shape and type of \`x\`."""
    return ${like}`;
}
