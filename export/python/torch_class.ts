/** The class of a `torch.optim.Optimizer`. */
import { ANY_NUMBER, type Domain } from "../../dsl/domain.ts";
import type { ReduceOpName } from "../../dsl/node.ts";
import { torchStateNames } from "../safetensors/torch/rules.ts";
import type { Described } from "./described.ts";
import { callText, numberText, writingOf } from "./functions.ts";
import { pythonNumber } from "./names.ts";
import { globalName } from "./writer.ts";

const JOIN: Readonly<Record<ReduceOpName, string>> = {
  ReduceSum: "torch.sum",
  ReduceMean: "lambda x: x[:, 0].sum() / x[:, 1].sum()",
  ReduceMax: "torch.amax",
  ReduceMin: "torch.amin",
  ReduceL2: "torch.linalg.vector_norm",
};

/** Python of the class. */
export function torchClass(described: Described, className: string): string {
  const { program, names, hypers, states, treeStates, inputs, levels } = described;
  const writing = writingOf(described);
  const key = torchStateNames(program);
  const stateKey = (name: string) => key.get(name) ?? names.of(name);
  const leafInputs = [...inputs].filter(([, kind]) => kind === "element").map(([name]) => name);
  const scalars = [...inputs].filter(([, kind]) => kind === "scalar").map(([name]) => name);
  const schedules = hypers.filter(({ value }) => typeof value !== "number");
  const options = [...hypers].sort((a, b) => Number(b.isRequired) - Number(a.isRequired)).map(
    (hyper) => {
      const name = names.of(hyper.name);
      if (hyper.isRequired) return name;
      return `${name}=${typeof hyper.value === "number" ? pythonNumber(hyper.value) : "None"}`;
    },
  );
  const call = (part: string) => callText(described, part);
  const lists = states.map((name) => names.of(name));
  const given = [...scalars, ...leafInputs].map((name) => names.of(name));
  const checks = hypers.filter(({ domain }) => domain !== ANY_NUMBER)
    .map(({ name, domain }) => checkText(names.of(name), domain));
  const reserved = ["maximize", "foreach", "capturable"];
  return `class ${className}(torch.optim.Optimizer):
    """${className}: see the top of this file.

    \`maximize\` goes up instead of down. \`foreach=False\` computes one parameter after another.
    \`capturable\` keeps the numbers of a step on the device. ${
    schedules.length === 0 ? "" : `
    ${
      schedules.map(({ name }) => `\`${names.of(name)}\``).join(", ")
    } follow a schedule while None.`
  }
    """

    def __init__(self, params${
    options.map((option) => `, ${option}`).join("")
  }, *, maximize=False, foreach=None, capturable=False):
        defaults = {
${
    [...hypers.map(({ name }) => names.of(name)), ...reserved].map((name) =>
      `            "${name}": ${name},`
    ).join("\n")
  }
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
  }        ${lists.length === 0 ? "" : call("begin")}
        for name, key in ${pairs(states.map((name) => [names.of(name), stateKey(name)]))}:
            if f"next {name}" in bucket:
                state[key] = bucket[f"next {name}"]
        return state

    def _init_group(self, group, params, grads, steps, tree${
    lists.map((name) => `, ${name}`).join("")
  }):
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
${
    lists.map((name, k) => `            ${name}.append(state.get("${stateKey(states[k])}", param))`)
      .join("\n")
  }

    @torch.no_grad()
    def step(self, closure=None${
    given.length === 0 ? "" : `, *${given.map((name) => `, ${name}=None`).join("")}`
  }):
        """One step.${
    leafInputs.length === 0
      ? ""
      : ` ${leafInputs.map((name) => `\`${names.of(name)}\``).join(", ")}: a tensor for ` +
        "each parameter, in their order."
  }"""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
${
    scalars.includes("value")
      ? `        if ${names.of("value")} is None:
            ${names.of("value")} = loss
`
      : ""
  }${
    given.map((name) =>
      `        if ${name} is None:
            raise ValueError("${className}.step needs \`${name}\`")
`
    ).join("")
  }        steps, tree, values = [], [], []
        for group in self.param_groups:
            params, grads${lists.map((name) => `, ${name}`).join("")} = ${
    Array(lists.length + 2).fill("[]").join(", ")
  }
            self._init_group(group, params, grads, steps, tree${
    lists.map((name) => `, ${name}`).join("")
  })
            if group["maximize"]:
                grads = [-each for each in grads]
            lists = {"w": params, "g": grads${lists.map((name) => `, "${name}": ${name}`).join("")}}
${
    leafInputs.map((name) =>
      `            lists["${names.of(name)}"] = _beside(self.param_groups, params, ${
        names.of(name)
      })
`
    ).join("")
  }            exact = group["capturable"] or torch.compiler.is_compiling()
            for some in _buckets(lists, group["foreach"]):
                bucket = _values(group, some, exact)
                bucket["count"] = _number(steps[0], exact)
${
    scalars.map((name) =>
      `                bucket["${names.of(name)}"] = _number(${names.of(name)}, exact)
`
    ).join("")
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
          return `        ${name} = _total(${
            JOIN[op]
          }, [each for bucket in values for each in bucket["part of ${name}"]])
`;
        }).join("")
      }        for bucket in values:
            bucket.update({${
        totals.map(({ k }) => `"${globalName(k)}": ${globalName(k)}`).join(", ")
      }})
`
    ).join("")
  }        for bucket in values:
            ${call("update")}
        for bucket in values:
            _apart(bucket, [${lists.map((name) => `"${name}"`).join(", ")}])
${
    lists.length === 0
      ? ""
      : `            for name in (${lists.map((name) => `"${name}",`).join(" ")}):
                if f"next {name}" in bucket:
                    _store(bucket[name], bucket[f"next {name}"])
`
  }            torch._foreach_add_(bucket["w"], bucket["next w"])
${
    treeStates.map((name, k) =>
      `        tree[${k}].fill_(values[0]["next ${names.of(name)}"])
`
    ).join("")
  }        torch._foreach_add_(steps, 1)
        return loss`;
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
