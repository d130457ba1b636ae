/** The class of a `torch.optim.Optimizer`. */
import { ANY_NUMBER, type Domain } from "../../dsl/domain.ts";
import type { ReduceOpName } from "../../dsl/node.ts";
import { type Described, isSchedule, rulesByKey } from "./described.ts";
import { callText } from "./functions.ts";
import { pythonNumber } from "./names.ts";
import { isEvaluated } from "./forms.ts";
import { evaluationMethods } from "./torch_evaluation.ts";
import { groupMethods } from "./torch_groups.ts";
import { leafInputs, scalarInputs, stateMethods } from "./torch_state.ts";
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
  const { names, hypers } = described;
  const schedules = hypers.filter(({ value }) => isSchedule(value)).map(({ name }) =>
    names.of(name)
  );
  const options = [...hypers].sort((a, b) => Number(b.isRequired) - Number(a.isRequired)).map(
    (hyper) => {
      const name = names.of(hyper.name);
      if (hyper.isRequired) return name;
      return `${name}=${typeof hyper.value === "number" ? pythonNumber(hyper.value) : "None"}`;
    },
  );
  const checks = hypers.filter(({ domain }) => domain !== ANY_NUMBER)
    .map(({ name, domain }) => checkText(names.of(name), domain));
  const reserved = ["maximize", "foreach", "capturable"];
  return `class ${className}(torch.optim.Optimizer):
    """${className}: see the top of this file.

    \`maximize\` goes up instead of down. \`foreach=False\` computes one parameter after another.
    \`capturable\` keeps the numbers of a step on the device.${
    schedules.length === 0 ? "" : `
    ${schedules.map((name) => `\`${name}\``).join(", ")} follow a schedule while None.`
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
${
    rulesByKey(described).size === 0 ? "" : `        for key, rules in _RULES.items():
            names = [name for group in self.param_groups if key in group["ruled"] for name in group["rule_names"]]
            for path in rules if names and isinstance(rules, dict) else ():
                if not any(_is_below(path, name) for name in names):
                    raise ValueError(f"no parameter is at {path!r}, whose \`{key}\` is known: there are {names}")
`
  }
    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
${
    [
      groupMethods(described, checks),
      stateMethods(described, className),
      stepMethod(described, className),
      evaluationMethods(described),
    ].filter(Boolean).map((each) => `\n${each}`).join("\n")
  }`;
}

function stepMethod(described: Described, className: string): string {
  const { names, states, treeStates, levels, inputs } = described;
  const scalars = scalarInputs(described);
  const leaves = leafInputs(described);
  const lists = states.map((name) => names.of(name));
  const given = [...scalars, ...leaves];
  const call = (part: string) => callText(described, part);
  const value = names.of("value");
  return `    @torch.no_grad()
    def step(self, closure=None${
    given.length === 0 ? "" : `, *${given.map((name) => `, ${name}=None`).join("")}`
  }):
        """One step.${
    leaves.length === 0 ? "" : ` ${leaves.map((name) => `\`${name}\``).join(", ")}: a tensor for ` +
      "each parameter, in their order."
  }"""
${
    isEvaluated(described)
      ? `        if any("trained" in state for state in self.state.values()):
            raise RuntimeError("${className}.step needs the parameters that are trained: call train() first")
`
      : ""
  }        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
${
    inputs.get("value") === "scalar"
      ? `        if ${value} is None:
            ${value} = loss
`
      : ""
  }${
    given.map((name) =>
      `        if ${name} is None:
            raise ValueError("${className}.step needs \`${name}\`")
`
    ).join("")
  }        steps, tree, values, first = [], [], [], 0
        for group in self.param_groups:
            lists = self._lists(group, first, steps, tree${
    leaves.map((name) => `, ${name}=${name}`).join("")
  })
            first += len(group["params"])
            for some in _buckets(lists, group["foreach"]):
                values.append(self._bucket(group, some, steps[0], tree${
    scalars.map((name) => `, ${name}=${name}`).join("")
  }))
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
                    _store(bucket.get(f"stored {name}", bucket[name]), bucket[f"next {name}"])
`
  }            torch._foreach_add_(bucket["w"], bucket["next w"])
            if "stored w" in bucket:
                _copy(bucket["stored w"], bucket["w"])
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
