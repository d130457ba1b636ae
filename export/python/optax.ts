/** A program as a module of Optax: its functions, what goes around them, and a test. */
import type { Described } from "./described.ts";
import { docstring } from "./document.ts";
import { functionsOf } from "./functions.ts";
import { type Golden, goldenText } from "./golden.ts";
import { pythonNumber } from "./names.ts";
import { isEvaluated } from "./forms.ts";
import { evaluationText } from "./optax_evaluation.ts";
import { frameOf, treeText } from "./optax_options.ts";
import { transformationText } from "./optax_transformation.ts";
import { helpersFor } from "./spelling.ts";

/** Python of a file. */
export function optaxFile(described: Described, name: string, golden: Golden): string {
  const frame = frameOf(described, name);
  const code = [
    ...functionsOf(described),
    transformationText(frame),
    evaluationText(frame),
  ].filter(Boolean).join("\n\n\n");
  const helpers = helpersFor(described.spelling, code);
  const test = testText(described, name, golden);
  const imports = ["math", "re", "struct"].filter((each) =>
    new RegExp(`\\b${each}\\.`).test(helpers + code + test)
  );
  const exported = [name, ...isEvaluated(described) ? [`${name}_eval_params`] : []];
  const head = `${docstring(described, notesOf(described))}

${imports.map((each) => `import ${each}\n`).join("")}from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

__all__ = [${exported.map((each) => `"${each}"`).join(", ")}]`;
  return `${[head, helpers, code, test].filter(Boolean).join("\n\n\n")}\n`;
}

function notesOf({ isRandom }: Described): string[] {
  return [
    "Every option may be a schedule or a tree of numbers whose branches are those of the parameters, and " +
    "`optax.inject_hyperparams` makes numbers of them in the state. A step's numbers, such as bias corrections, " +
    "are float32, as all is computed in; float64 beside parameters of that.",
    isRandom
      ? "Random numbers are those that Gradus draws; normal ones are formed in float64, which the device must have."
      : "",
  ];
}

/** Python of a test that compares the file with what Gradus made. */
function testText({ inputs, names, hypers }: Described, name: string, golden: Golden): string {
  const required = hypers.flatMap(({ name, value, isRequired }) =>
    isRequired ? [`${names.of(name)}=${pythonNumber(value as number)}`] : []
  );
  const given = [...inputs].map(([each, kind]) =>
    `, ${names.of(each)}=${kind === "scalar" ? "1 / step" : "_tree(_filled(step, abs))"}`
  );
  return `${goldenText(golden)}


def _tree(numbers):
    leaves = [jnp.asarray(each, dtype=jnp.float32).reshape(shape) for each, shape in zip(numbers, _SHAPES)]
    return jax.tree.map(leaves.__getitem__, ${treeText(golden.tree)})


def _self_test():
    params = _tree(_filled(0))
    opt = ${name}(${required.join(", ")})
    state = opt.init(params)
    for step in range(1, ${golden.steps + 1}):
        updates, state = opt.update(_tree(_filled(step)), state, params${given.join("")})
        params = optax.apply_updates(params, updates)
    _compare([p.flatten().tolist() for p in jax.tree.leaves(params)])


if __name__ == "__main__":
    _self_test()
    print("${name}: as Gradus computes it")`;
}
