/** A program as a `torch.optim.Optimizer`. */
import type { Domain } from "../../dsl/domain.ts";
import { ANY_NUMBER } from "../../dsl/domain.ts";
import type { Node, ReduceOpName } from "../../dsl/node.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { torchStateNames } from "../safetensors/torch/rules.ts";
import type { Described } from "./described.ts";
import { docstring } from "./document.ts";
import { type Choice, type Form, formsIn, isForm } from "./forms.ts";
import { type Golden, goldenText } from "./golden.ts";
import { pythonNumber } from "./names.ts";
import { atom, call, helpersFor } from "./spelling.ts";
import { FormWriter, globalName, type Part, shapeText, type Writing } from "./writer.ts";

const JOIN: Readonly<Record<ReduceOpName, string>> = {
  ReduceSum: "torch.sum",
  ReduceMean: "lambda x: x[:, 0].sum() / x[:, 1].sum()",
  ReduceMax: "torch.amax",
  ReduceMin: "torch.amin",
  ReduceL2: "torch.linalg.vector_norm",
};

/** Python of a file. */
export function torchFile(described: Described, className: string, golden: Golden): string {
  const { program, names, hypers, states, treeStates, inputs, levels, spelling, doing } = described;
  const writing: Writing = { program, spelling, names, doing };
  const key = torchStateNames(program);
  const stateKey = (name: string) => key.get(name) ?? names.of(name);
  const leafInputs = [...inputs].filter(([, kind]) => kind === "element").map(([name]) => name);
  const scalars = [...inputs].filter(([, kind]) => kind === "scalar").map(([name]) => name);
  const forms = formsIn(described.choice);
  const isOne = forms.length === 1;
  const functions = forms.flatMap((form, i) => formFunctions(described, writing, form, isOne ? "" : `_${i}`));
  const schedules = hypers.filter(({ value }) => typeof value !== "number");
  functions.push(...schedules.map(({ name, value }) => {
    const own = names.of(name);
    return numbersFunction(writing, `_schedule_${own}`, own, value as Node);
  }));
  if (!isOne) functions.push(formFunction(described, writing, forms));

  const options = [...hypers].sort((a, b) => Number(b.isRequired) - Number(a.isRequired)).map((hyper) => {
    const name = names.of(hyper.name);
    if (hyper.isRequired) return name;
    return `${name}=${typeof hyper.value === "number" ? pythonNumber(hyper.value) : "None"}`;
  });
  const call = (part: string) =>
    isOne ? `_${part}(bucket)` : `[${forms.map((_, i) => `_${part}_${i}`).join(", ")}][_form(bucket)](bucket)`;
  const lists = states.map((name) => names.of(name));
  const given = [...scalars, ...leafInputs].map((name) => names.of(name));
  const checks = hypers.filter(({ domain }) => domain !== ANY_NUMBER)
    .map(({ name, domain }) => checkText(names.of(name), domain));
  const reserved = ["maximize", "foreach", "capturable"];
  const begin = isOne ? "_begin(bucket)" : call("begin");

  const body = `
class ${className}(torch.optim.Optimizer):
    """${className}: see the top of this file.

    \`maximize\` goes up instead of down. \`foreach=False\` computes one parameter after another.
    \`capturable\` keeps the numbers of a step on the device. ${
    schedules.length === 0 ? "" : `
    ${schedules.map(({ name }) => `\`${names.of(name)}\``).join(", ")} follow a schedule while None.`
  }
    """

    def __init__(self, params${
    options.map((option) => `, ${option}`).join("")
  }, *, maximize=False, foreach=None, capturable=False):
        defaults = {
${[...hypers.map(({ name }) => names.of(name)), ...reserved].map((name) => `            "${name}": ${name},`).join("\n")}
        }
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
${
    checks.length === 0 ? "" : `
    def add_param_group(self, param_group):
        given = {**self.defaults, **param_group}
${checks.map((line) => `        ${line}`).join("\n")}
        super().add_param_group(param_group)
`
  }
    def _begin(self, group, param):
        """The state of a parameter before its first step."""
        device = param.device if group["capturable"] else torch.device("cpu")
        steps = [state["step"] for state in self.state.values() if "step" in state]
        state = {"step": steps[0].clone() if steps else torch.zeros((), dtype=torch.float32, device=device)}
        bucket = _values(group, {"w": [param]}, False)
${
    treeStates.length === 0 ? "" : `        if param is self.param_groups[0]["params"][0]:
            # What is kept once for all parameters is beside the first.
${
      treeStates.map((name) =>
        `            state["${stateKey(name)}"] = torch.tensor(float(${
          numberText(writing, described.bound(program.state.get(name)!.init))
        }), dtype=_exact(param.device), device=param.device)`
      ).join("\n")
    }
`
  }        ${lists.length === 0 ? "" : begin}
        for name, key in ${pairs(states.map((name) => [names.of(name), stateKey(name)]))}:
            if f"next {name}" in bucket:
                state[key] = bucket[f"next {name}"]
        return state

    def _init_group(self, group, params, grads, steps, tree${lists.map((name) => `, ${name}`).join("")}):
        for param in group["params"]:
            if len(self.state[param]) == 0:
                self.state[param].update(self._begin(group, param))
            state = self.state[param]
            steps.append(state["step"])
${
    treeStates.length === 0 ? "" : `            if param is self.param_groups[0]["params"][0]:
                tree.extend([${treeStates.map((name) => `state["${stateKey(name)}"]`).join(", ")}])
`
  }            if param.grad is None or param.numel() == 0:
                continue
            if param.grad.is_sparse or param.is_complex():
                raise RuntimeError("${className} takes dense and real gradients")
            params.append(param)
            grads.append(param.grad)
${lists.map((name, k) => `            ${name}.append(state.get("${stateKey(states[k])}", param))`).join("\n")}

    @torch.no_grad()
    def step(self, closure=None${given.length === 0 ? "" : `, *${given.map((name) => `, ${name}=None`).join("")}`}):
        """One step.${
    leafInputs.length === 0 ? "" : ` ${leafInputs.map((name) => `\`${names.of(name)}\``).join(", ")}: a tensor for ` +
      "each parameter, in their order."
  }"""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
${
    scalars.includes("value") ? `        if ${names.of("value")} is None:
            ${names.of("value")} = loss
` : ""
  }${
    given.map((name) => `        if ${name} is None:
            raise ValueError("${className}.step needs \`${name}\`")
`).join("")
  }        steps, tree, values = [], [], []
        for group in self.param_groups:
            params, grads${lists.map((name) => `, ${name}`).join("")} = ${
    Array(lists.length + 2).fill("[]").join(", ")
  }
            self._init_group(group, params, grads, steps, tree${lists.map((name) => `, ${name}`).join("")})
            if group["maximize"]:
                grads = [-each for each in grads]
            lists = {"w": params, "g": grads${lists.map((name) => `, "${name}": ${name}`).join("")}}
${
    leafInputs.map((name) =>
      `            lists["${names.of(name)}"] = _beside(self.param_groups, params, ${names.of(name)})
`
    ).join("")
  }            exact = group["capturable"] or torch.compiler.is_compiling()
            for some in _buckets(lists, group["foreach"]):
                bucket = _values(group, some, exact)
                bucket["count"] = _number(steps[0], exact)
${
    scalars.map((name) => `                bucket["${names.of(name)}"] = _number(${names.of(name)}, exact)
`).join("")
  }${
    treeStates.map((name, k) =>
      `                bucket["${names.of(name)}"] = _number(tree[${k}], ${
        described.ofData.has(name) ? "True" : "exact"
      })
`
    ).join("")
  }${
    schedules.map(({ name }) =>
      `                if group["${names.of(name)}"] is None:
                    _schedule_${names.of(name)}(bucket)
`
    ).join("")
  }                values.append(bucket)
        if not values:
            return loss
${
    levels.map((totals, level) =>
      `        for bucket in values:
            ${call(`part${level}`)}
${
        totals.map(({ k, op }) => {
          const name = globalName(k);
          return `        ${name} = _total(${JOIN[op]}, [each for bucket in values for each in bucket["part of ${name}"]])
`;
        }).join("")
      }        for bucket in values:
            bucket.update({${totals.map(({ k }) => `"${globalName(k)}": ${globalName(k)}`).join(", ")}})
`
    ).join("")
  }        for bucket in values:
            ${call("update")}
        for bucket in values:
            _apart(bucket, [${lists.map((name) => `"${name}"`).join(", ")}])
${
    lists.length === 0 ? "" : `            for name in (${lists.map((name) => `"${name}",`).join(" ")}):
                if f"next {name}" in bucket:
                    _store(bucket[name], bucket[f"next {name}"])
`
  }            torch._foreach_add_(bucket["w"], bucket["next w"])
${
    treeStates.map((name, k) => `        tree[${k}].fill_(values[0]["next ${names.of(name)}"])
`).join("")
  }        torch._foreach_add_(steps, 1)
        return loss`;

  const runtime = `
def _values(group, lists, exact):
    """What the functions above are given: numbers, and lists of tensors."""
    bucket = dict(lists)
    for name in (${hypers.map(({ name }) => `"${names.of(name)}",`).join(" ")}):
        bucket[name] = _number(group[name], exact)
    shape = tuple(bucket["w"][0].shape)
    bucket["shape of w"] = shape
${
    [...SHAPE_SYMBOLS.keys()].map((name) =>
      `    bucket["${names.of(name)}"] = ${
        {
          rank: "len(shape)",
          rows: "shape[0] if shape else 1",
          columns: "math.prod(shape[1:])",
          size: "math.prod(shape)",
        }[name]
      }`
    ).join("\n")
  }
    return bucket


def _buckets(lists, foreach):
    """The parameters that are computed together."""
    places = {}
    for k, param in enumerate(lists["w"]):
        key = k if foreach is False else (param.device, param.dtype${described.isOfShape ? ", tuple(param.shape)" : ""})
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
        torch._foreach_copy_(into, value)
${
    leafInputs.length === 0 ? "" : `

def _beside(groups, params, given):
    """What is given in the order of all parameters, for some of them."""
    places = {id(p): k for k, p in enumerate(p for group in groups for p in group["params"])}
    return [given[places[id(p)]] for p in params]
`
  }`;
  const test = `
${goldenText(golden)}


def _self_test():
    params = [
        torch.nn.Parameter(torch.tensor(numbers, dtype=torch.float32).reshape(shape))
        for numbers, shape in zip(_filled(0), _SHAPES)
    ]
    opt = ${className}(params${
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
        `${names.of(name)}=[torch.tensor(x).reshape(s) for x, s in zip(_filled(step, abs), _SHAPES)]`
      ),
    ].join(", ")
  })
    _compare([p.detach().flatten().tolist() for p in params])


if __name__ == "__main__":
    _self_test()
    print("${className}: as Gradus computes it")
`;
  const code = [functions.join("\n\n\n"), runtime.trim(), body.trim()].join("\n\n\n");
  const helpers = helpersFor(spelling, code);
  const head = `${
    docstring(described, [
      described.isOfShape || levels.length > 0
        ? "Under FSDP2 and DTensor: sums, norms and matrices are taken of whole parameters, so that a parameter " +
          "that is sharded must be a DTensor, or be gathered before a step."
        : "Under FSDP2 and DTensor every operation is element by element, so that a shard is stepped as it is.",
    ])
  }

import math
${/\boperator\./.test(code + helpers) ? "import operator\n" : ""}
import torch

__all__ = ["${className}"]`;
  return `${[head, helpers, code, test.trim()].filter(Boolean).join("\n\n\n")}\n`;
}

/** The functions of a form: its beginning, its parts of reductions over the tree, and its update. */
function formFunctions(described: Described, writing: Writing, form: Form, suffix: string): string[] {
  const { program, names, states, treeStates, levels, spelling } = described;
  const { graph, named, live } = form;
  const kept = states.filter((name) => live.has(name));
  const parts: Part[] = [
    ...levels.map((totals) => ({
      results: totals.map(({ k, op }) => ({
        key: `part of ${globalName(k)}`,
        node: graph.globals[k].node,
        isSpread: true,
        wrap: spelling.part[op],
      })),
    })),
    {
      results: [
        ...[...kept, ...treeStates].map((name) => ({
          key: `next ${names.of(name)}`,
          node: graph.states.get(name)!,
        })),
        { key: "next w", node: graph.update, isSpread: true },
      ],
    },
  ];
  const writer = new FormWriter(writing, named, parts);
  const made = parts.map((_, k) =>
    writer.write(k < levels.length ? `_part${k}${suffix}` : `_update${suffix}`, k)
  );
  if (states.length === 0) return made;
  const begins = kept.map((name) => {
    const { init, over, sizes } = program.state.get(name)!;
    const shape = sizes === undefined
      ? shapeText(over)
      : `(${sizes.map((size) => `int(${numberText(writing, described.bound(size))})`).join(", ")})`;
    const part = {
      results: [{
        key: `next ${names.of(name)}`,
        node: described.bound(init),
        wrap: (value: { text: string }) => call("_new")(atom("bucket"), atom(shape), value as never),
      }],
    };
    const own = new FormWriter({ ...writing, placed: `_blank(bucket, ${shape})` }, new Map(), [part]);
    return own.write(`_begin${suffix}`, 0).split("\n").slice(1);
  });
  const begin = [`def _begin${suffix}(bucket):`, `    """The states of a parameter before its first step."""`];
  return [[...begin, ...begins.flat()].join("\n"), ...made];
}

/** A function that says which form a parameter has. */
function formFunction({ choice }: Described, writing: Writing, forms: readonly Form[]): string {
  const lines = (choice: Choice, indent: string): string[] =>
    isForm(choice) ? [`${indent}return ${forms.indexOf(choice)}`] : [
      `${indent}if ${numberText(writing, choice.condition)}:`,
      ...lines(choice.then, `${indent}    `),
      ...lines(choice.else, indent),
    ];
  return ["def _form(bucket):", `    """Which of the forms a parameter has, by its shape."""`, ...lines(choice, "    ")]
    .join("\n");
}

/** A function of numbers alone. */
function numbersFunction(writing: Writing, name: string, key: string, node: Node): string {
  return new FormWriter(writing, new Map(), [{ results: [{ key, node }] }]).write(name, 0);
}

/** An expression of numbers that are found among the values. */
function numberText(writing: Writing, node: Node): string {
  return new FormWriter(writing, new Map(), []).inline(node, (name) => `bucket["${writing.names.of(name)}"]`).text;
}

/** Python that refuses a number outside of its domain. */
function checkText(name: string, { text, isWhole }: Domain): string {
  const [, opens, from, to, closes] = /([[(])\s*(\S+),\s*(\S+?)([\])])$/.exec(text)!;
  const lower = from === "-inf" ? "" : `${from} ${opens === "[" ? "<=" : "<"} `;
  const upper = to === "inf" ? "" : ` ${closes === "]" ? "<=" : "<"} ${to}`;
  const within = lower + upper === "" ? "x == x" : `${lower}x${upper}`;
  const whole = isWhole ? " and x == int(x)" : "";
  const condition = `${within}${whole}`.replace(/\bx\b/g, `given["${name}"]`);
  return `if given["${name}"] is not None and not (${condition}):
            raise ValueError(f"\`${name}\` must be in ${text}: given {given['${name}']}")`;
}

const pairs = (given: readonly (readonly [string, string])[]): string =>
  `(${given.map(([a, b]) => `("${a}", "${b}"),`).join(" ")})`;

