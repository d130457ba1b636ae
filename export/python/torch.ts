/** A program as a module of torch: its functions, what goes around them, the class and a test. */
import { GradusError } from "../../dsl/errors.ts";
import { rootsOf } from "../../dsl/graph.ts";
import { type Node, postorder } from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import { type Described, rulesByKey } from "./described.ts";
import { docstring } from "./document.ts";
import { formsIn, isEvaluated, SECOND_EXTENT } from "./forms.ts";
import { functionsOf } from "./functions.ts";
import { type Golden, goldenText } from "./golden.ts";
import { pythonNumber, pythonText } from "./names.ts";
import { helpersFor } from "./spelling.ts";
import { torchClass } from "./torch_class.ts";
import { rulesText, viewKey, viewText } from "./torch_groups.ts";

/** Python of a file. */
export function torchFile(described: Described, className: string, golden: Golden): string {
  const { spelling, masks, isRandom, doing } = described;
  const view = viewKey(described);
  if (view !== undefined && (masks.size > 1 || isRandom)) {
    throw new GradusError(
      `${doing}: parameters of more than two axes can be seen as matrices, as \`${view}\` says, where there are no ` +
        `${masks.size > 1 ? "other masks" : "random numbers"}`,
    );
  }
  const functions = functionsOf(described);
  const ownClass = torchClass(described, className);
  const code = [
    rulesText(described),
    ...functions,
    viewText(described),
    runtimeText(described, [...functions, ownClass].join()),
    ownClass,
  ].filter(Boolean).join("\n\n\n");
  const test = testText(described, className, golden);
  const helpers = helpersFor(spelling, code);
  const head = `${
    docstring(described, [
      isWhole(described)
        ? "Under FSDP2 and DTensor: sums, norms, matrices and random numbers are of whole parameters, so that a " +
          "parameter that is sharded must be gathered before a step; what is element by element is computed per shard."
        : "Under FSDP2 and DTensor every operation is element by element, so that a shard is stepped as it is.",
      described.isRandom &&
      "Random numbers have the bits that Gradus draws: they follow from the seed, the count of steps, the place of a " +
        "parameter among all and that of an element in it.",
      rulesByKey(described).size > 0 &&
      "Parameters are told apart by name: give named_parameters(), or a list as it is where names are numbers.",
      isEvaluated(described) &&
      "What to evaluate with is not what is trained: call eval() before an evaluation and train() after it.",
    ])
  }

import math
${
    ["operator", "struct"].map((name) =>
      new RegExp(`\\b${name}\\.`).test(code + helpers) ? `import ${name}\n` : ""
    ).join("")
  }
import torch

__all__ = ["${className}"]`;
  return `${[head, helpers, code, test.trim()].filter(Boolean).join("\n\n\n")}\n`;
}

/** Whether something is computed of a parameter as a whole. */
function isWhole({ choice, isOfShape, isRandom, levels, states, program }: Described): boolean {
  const overTensor = ({ op, arg }: Node) => reduceRow(op) !== undefined && arg !== "tree";
  return isOfShape || isRandom || levels.length > 0 ||
    states.some((name) => program.state.get(name)!.over !== "element") ||
    formsIn(choice).some(({ graph }) => postorder(rootsOf(graph)).some(overTensor));
}

/** What the shape tells. */
const OF_SHAPE: Readonly<Record<string, string>> = {
  rank: "len(shape)",
  rows: "shape[0] if shape else 1",
  columns: "math.prod(shape[1:])",
  size: "math.prod(shape)",
  [SECOND_EXTENT]: "sorted(shape)[-2] if len(shape) > 1 else 0",
};

/** Python of what the functions of a program are called by. */
function runtimeText(described: Described, text: string): string {
  const { names, hypers, masks } = described;
  return `def _values(group, lists, exact):
    """What the functions above are given: numbers, and lists of tensors."""
    bucket = dict(lists)
    for name in (${hypers.map(({ name }) => `"${names.of(name)}",`).join(" ")}):
        bucket[name] = _number(group[name], exact)
${
    [...masks.keys()].map((key) =>
      `    bucket["${names.of(key)}"] = group["${names.of(key)}"]
`
    ).join("")
  }    shape = tuple(bucket["w"][0].shape)
    bucket["shape of w"] = shape
${
    Object.entries(OF_SHAPE).flatMap(([name, value]) => {
      const key = `bucket["${names.of(name)}"]`;
      const isRead = text.includes(key);
      return isRead ? [`    ${key} = ${value}\n`] : [];
    }).join("")
  }    return bucket


def _buckets(lists, foreach):
    """The parameters that are computed together."""
    places = {}
    for k, param in enumerate(lists["w"]):
        key = k if foreach is False else (_is_plain(param) or type(param), param.device, param.dtype${
    described.isOfShape ? ", tuple(param.shape)" : ""
  })
        places.setdefault(key, []).append(k)
    return [{name: [each[k] for k in some] for name, each in lists.items()} for some in places.values()]


def _apart(bucket, names):
    """Copies what would be written over before it is read."""
    for name in [*names, "w"]:
        made = bucket.get(f"next {name}")
        if isinstance(made, (list, tuple)):
            bucket[f"next {name}"] = [
                each.clone() if any(each is bucket[other][k] for other in names if other != name) else each
                for k, each in enumerate(made)
            ]


def _store(into, value):
    if not isinstance(value, (list, tuple)):
        for each in into:
            each.fill_(value)
    elif any(a is not b for a, b in zip(into, value)):
        _copy(into, value)`;
}

/** Python of a test that compares the file with what Gradus made. */
function testText(described: Described, className: string, golden: Golden): string {
  const { names, hypers, inputs } = described;
  const leafInputs = [...inputs].filter(([, kind]) => kind === "element").map(([name]) => name);
  const scalars = [...inputs].filter(([, kind]) => kind === "scalar").map(([name]) => name);
  return `${goldenText(golden)}${
    rulesByKey(described).size === 0 ? "" : `


_NAMES = [${golden.names.map(pythonText).join(", ")}]`
  }


def _self_test():
    params = [
        torch.nn.Parameter(torch.tensor(numbers, dtype=torch.float32).reshape(shape))
        for numbers, shape in zip(_filled(0), _SHAPES)
    ]
    opt = ${className}(${rulesByKey(described).size > 0 ? "list(zip(_NAMES, params))" : "params"}${
    hypers.filter(({ isRequired }) => isRequired).map(({ name, value }) =>
      `, ${names.of(name)}=${pythonNumber(value as number)}`
    ).join("")
  })
    for step in range(1, ${golden.steps + 1}):
        for param, numbers in zip(params, _filled(step)):
            param.grad = torch.tensor(numbers, dtype=torch.float32).reshape(param.shape)
        opt.step(${
    [
      ...scalars.map((name) => `${names.of(name)}=1 / step`),
      ...leafInputs.map((name) =>
        `${
          names.of(name)
        }=[torch.tensor(x).reshape(s) for x, s in zip(_filled(step, abs), _SHAPES)]`
      ),
    ].join(", ")
  })
    _compare([p.detach().flatten().tolist() for p in params])


if __name__ == "__main__":
    _self_test()
    print("${className}: as Gradus computes it")
`;
}
