/** A program as a module of Optax: its functions, and a gradient transformation around them. */
import type { ReduceOpName } from "../../dsl/node.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { readingOf } from "../../runtime/plan/readings.ts";
import type { Described } from "./described.ts";
import { docstring } from "./document.ts";
import { callText, functionsOf, numberText, writingOf } from "./functions.ts";
import { type Golden, goldenText } from "./golden.ts";
import { className, pythonNumber } from "./names.ts";
import { helpersFor } from "./spelling.ts";
import { globalName } from "./writer.ts";

const JOIN: Readonly<Record<ReduceOpName, (parts: string) => string>> = {
  ReduceSum: (parts) => `sum(${parts})`,
  ReduceMean: (parts) => `jnp.divide(*sum(${parts}))`,
  ReduceMax: (parts) => `jnp.max(jnp.stack(${parts}))`,
  ReduceMin: (parts) => `jnp.min(jnp.stack(${parts}))`,
  ReduceL2: (parts) => `jnp.sqrt(sum(${parts}))`,
};

/** Python of a file. */
export function optaxFile(described: Described, name: string, golden: Golden): string {
  const { spelling } = described;
  const code = [
    ...functionsOf(described),
    valuesText(described),
    transformationText(described, name),
  ].join("\n\n\n");
  const head = `${
    docstring(described, [
      "Numbers of a step, such as bias corrections, are float32. Every option may be a schedule, and " +
      "`optax.inject_hyperparams` makes numbers of them in the state.",
    ])
  }

${/\bmath\./.test(code) || golden ? "import math\n" : ""}from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

__all__ = ["${name}"]`;
  return `${
    [head, helpersFor(spelling, code), code, testText(described, name, golden)].filter(Boolean)
      .join("\n\n\n")
  }\n`;
}

function valuesText({ names }: Described): string {
  const shape = {
    rank: "w.ndim",
    rows: "w.shape[0] if w.ndim else 1",
    columns: "math.prod(w.shape[1:])",
    size: "w.size",
  } as Record<string, string>;
  return `def _values(w, given):
    """What the functions above are given of one leaf: its shape, and what else is known."""
    return {
        "w": w,
        "shape of w": w.shape,
${
    [...SHAPE_SYMBOLS.keys()].map((name) => `        "${names.of(name)}": ${shape[name]},`).join(
      "\n",
    )
  }
        **given,
    }`;
}

function transformationText(described: Described, name: string): string {
  const { program, names, hypers, states, treeStates, inputs, levels } = described;
  const writing = writingOf(described);
  const options = [...hypers].sort((a, b) => Number(b.isRequired) - Number(a.isRequired)).map(
    (hyper) => {
      const own = names.of(hyper.name);
      if (hyper.isRequired) return own;
      return `${own}=${typeof hyper.value === "number" ? pythonNumber(hyper.value) : "None"}`;
    },
  );
  const own = (list: readonly string[]) => list.map((each) => names.of(each));
  const [leafStates, numbers] = [own(states), own(treeStates)];
  const given = own([...inputs.keys()]);
  const state = `${className(name)}State`;
  const schedules = hypers.filter(({ value }) => typeof value !== "number").map(({ name }) =>
    names.of(name)
  );
  const reads = readingOf(program).parameter || described.isOfShape;
  const known = `{${
    hypers.map(({ name }) => `"${names.of(name)}": _at(${names.of(name)}, count)`).join(", ")
  }}`;
  const quoted = (list: readonly string[]) => `(${list.map((each) => `"${each}",`).join(" ")})`;
  return `class ${state}(NamedTuple):
    """What is kept from step to step."""

    count: jax.Array
${
    [
      ...leafStates.map((each) => `    ${each}: optax.Updates`),
      ...numbers.map((each) => `    ${each}: jax.Array`),
    ].join("\n")
  }


def _at(value, count):
    return value(count) if callable(value) else value


def ${name}(${options.join(", ")}) -> optax.GradientTransformationExtraArgs:
    """${name}: see the top of this file.${
    schedules.length === 0
      ? ""
      : ` ${schedules.map((each) => `\`${each}\``).join(", ")} follow a schedule while None.`
  }"""

    def numbers(count):
        return ${known}

    def init_fn(params):
        leaves, treedef = jax.tree.flatten(params)
        count = jnp.zeros([], jnp.int32)
        rows = [_values(w, numbers(count)) for w in leaves]
${
    states.length === 0 ? "" : `        for bucket in rows:
            ${callText(described, "begin")}
`
  }        return ${state}(
            count,
${
    leafStates.map((each) =>
      `            ${each}=treedef.unflatten([bucket.get("next ${each}", jnp.zeros((0,))) for bucket in rows]),
`
    ).join("")
  }${
    treeStates.map((each) => {
      const init = numberText(writing, described.bound(program.state.get(each)!.init));
      return `            ${names.of(each)}=jnp.asarray(${
        init.replaceAll("bucket[", "numbers(count)[")
      }, dtype=jnp.float32),
`;
    }).join("")
  }        )

    def update_fn(updates, state, params=None${
    given.length === 0 ? "" : `, *${given.map((each) => `, ${each}`).join("")}`
  }, **extra_args):
        del extra_args
${
    reads
      ? `        if params is None:
            raise ValueError(optax.NO_PARAMS_MSG)
`
      : `        params = updates if params is None else params
`
  }        leaves, treedef = jax.tree.flatten(updates)
        count = state.count
        known = {**numbers(count), "count": count.astype(jnp.float32)}
${
    numbers.map((each) =>
      `        known["${each}"] = state.${each}
`
    ).join("")
  }${
    [...inputs].filter(([, kind]) => kind === "scalar").map(([each]) =>
      `        known["${names.of(each)}"] = jnp.asarray(${names.of(each)}, dtype=jnp.float32)
`
    ).join("")
  }${
    schedules.map((each) =>
      `        if known["${each}"] is None:
            _schedule_${each}(known)
`
    ).join("")
  }        rows = [_values(w, known) for w in treedef.flatten_up_to(params)]
        beside = {"g": updates${leafStates.map((each) => `, "${each}": state.${each}`).join("")}${
    [...inputs].filter(([, kind]) => kind === "element").map(([each]) =>
      `, "${names.of(each)}": ${names.of(each)}`
    ).join("")
  }}
        for name, tree in beside.items():
            for bucket, leaf in zip(rows, treedef.flatten_up_to(tree)):
                bucket[name] = leaf
        if not rows:
            return updates, state._replace(count=optax.safe_increment(count))
${
    levels.map((totals, level) =>
      `        for bucket in rows:
            ${callText(described, `part${level}`)}
${
        totals.map(({ k, op }) => {
          const each = globalName(k);
          return `        ${each} = ${JOIN[op](`[bucket["part of ${each}"] for bucket in rows]`)}
`;
        }).join("")
      }        for bucket in rows:
            bucket.update({${
        totals.map(({ k }) => `"${globalName(k)}": ${globalName(k)}`).join(", ")
      }})
`
    ).join("")
  }        for bucket in rows:
            ${callText(described, "update")}
        made = {
            name: treedef.unflatten([
                jnp.broadcast_to(jnp.asarray(bucket.get(f"next {name}", bucket[name]), bucket[name].dtype), bucket[name].shape)
                for bucket in rows
            ])
            for name in ${quoted([...leafStates])}
        }
${
    numbers.map((each) =>
      `        made["${each}"] = jnp.asarray(rows[0]["next ${each}"], dtype=jnp.float32)
`
    ).join("")
  }        updates = treedef.unflatten([
            jnp.broadcast_to(jnp.asarray(bucket["next w"], bucket["g"].dtype), bucket["g"].shape) for bucket in rows
        ])
        return updates, ${state}(optax.safe_increment(count), **made)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)`;
}

function testText({ names, hypers, inputs }: Described, name: string, golden: Golden): string {
  return `${goldenText(golden)}


def _tree(numbers):
    return [jnp.asarray(each, dtype=jnp.float32).reshape(shape) for each, shape in zip(numbers, _SHAPES)]


def _self_test():
    params = _tree(_filled(0))
    opt = ${name}(${
    hypers.filter(({ isRequired }) => isRequired).map(({ name, value }) =>
      `${names.of(name)}=${pythonNumber(value as number)}`
    ).join(", ")
  })
    state = opt.init(params)
    for step in range(1, ${golden.steps + 1}):
        updates, state = opt.update(_tree(_filled(step)), state, params${
    [...inputs].map(([each, kind]) =>
      `, ${names.of(each)}=${kind === "scalar" ? "1 / step" : "_tree(_filled(step, abs))"}`
    ).join("")
  })
        params = optax.apply_updates(params, updates)
    _compare([p.flatten().tolist() for p in params])


if __name__ == "__main__":
    _self_test()
    print("${name}: as Gradus computes it")`;
}
