/** How torch's files keep states beside parameters: how they begin, are gathered for a step, and are loaded. */
import { symbolsIn } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { torchStateNames } from "../safetensors/torch/rules.ts";
import { type Described, isSchedule, rulesByKey } from "./described.ts";
import { callText, numberText, writingOf } from "./functions.ts";
import { isEvaluated } from "./forms.ts";
import { viewKey } from "./torch_groups.ts";

/** Inputs that are a tensor for each parameter. */
export function leafInputs({ inputs, names }: Described): string[] {
  return [...inputs].flatMap(([name, kind]) => kind === "element" ? [names.of(name)] : []);
}

/** Inputs that are numbers. */
export function scalarInputs({ inputs, names }: Described): string[] {
  return [...inputs].flatMap(([name, kind]) => kind === "scalar" ? [names.of(name)] : []);
}

/** What each state is called among those of a parameter: as torch calls it, where it has it. */
export function stateKeys({ program, names }: Described): (name: string) => string {
  const key = torchStateNames(program);
  return (name) => key.get(name) ?? names.of(name);
}

/** Python of the type of a state, where it is not its parameter's. */
export function storedTypes(described: Described): [key: string, dtype: string][] {
  const key = stateKeys(described);
  return [...described.storage].map(([name, dtype]) => [key(name), `torch.${dtype}`]);
}

/** Python of the methods. */
export function stateMethods(described: Described, className: string): string {
  return [
    loading(described),
    beginning(described),
    gathering(described, className),
    bucketing(described),
  ].filter(Boolean).join("\n");
}

/** States that torch would load in another type. */
function loading(described: Described): string {
  const key = stateKeys(described);
  const kept = [...described.treeStates, ...described.storage.keys()].map((name) =>
    `"${key(name)}",`
  );
  if (kept.length === 0) return "";
  return `    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        # Torch makes of these what their parameter is.
        places = [place for group in state_dict["param_groups"] for place in group["params"]]
        params = [param for group in self.param_groups for param in group["params"]]
        for place, param in zip(places, params):
            saved = state_dict["state"].get(place, {})
            for name in (${kept.join(" ")}):
                if name in saved:
                    self.state[param][name] = saved[name].detach().to(param.device, copy=True)
`;
}

function beginning(described: Described): string {
  const { program, names, states, treeStates } = described;
  const writing = writingOf(described);
  const key = stateKeys(described);
  const types = storedTypes(described);
  const view = viewKey(described);
  const hasStates = states.length > 0;
  const stored = types.map(([name, dtype]) =>
    `        if "${name}" in state:
            state["${name}"] = state["${name}"].to(${dtype})
`
  ).join("");
  const made = view === undefined
    ? `        _widen(bucket, ("w",))
        ${callText(described, "begin")}
        for name, key in ${tuples(states.map((name) => [names.of(name), key(name)]))}:
            if f"next {name}" in bucket:
                state[key] = bucket[f"next {name}"]
`
    : `        how = _view(group, param)
        made = []
        for matrix in _matrices(param, how):
            bucket = _values(group, {"w": [matrix]}, False)
            _widen(bucket, ("w",))
            ${callText(described, "begin")}
            made.append(bucket)
        for name, key, is_like in ${
      tuples(states.map((name) => [names.of(name), key(name), isLike(program, name)]))
    }:
            parts = [bucket[f"next {name}"] for bucket in made if f"next {name}" in bucket]
            if how is None and parts:
                state[key] = parts[0]
            elif parts:
                batch = param.shape[:-2] if how == "last two" else ()
                state[key] = torch.stack(parts).reshape(param.shape if is_like else (*batch, *parts[0].shape))
`;
  return `    def _begin(self, group, param):
        """The state of a parameter before its first step."""
        device = param.device if group["capturable"] else torch.device("cpu")
        step = next(iter(self.state.values()), {}).get("step")
        state = {"step": torch.zeros((), dtype=torch.float32, device=device) if step is None else step.clone()}
${
    hasStates && view === undefined || treeStates.length > 0
      ? `        bucket = _values(group, {"w": [param]}, False)
`
      : ""
  }${
    treeStates.length === 0 ? "" : `        if param is self.param_groups[0]["params"][0]:
            # What is kept once for all parameters is beside the first.
${
      treeStates.map((name) =>
        `            state["${key(name)}"] = torch.tensor(float(${
          numberText(writing, described.bound(program.state.get(name)!.init))
        }), dtype=_exact(param.device), device=param.device)
`
      ).join("")
    }`
  }${hasStates ? made + stored : ""}        return state
`;
}

/** Whether a state has the shape of its parameter. */
function isLike(program: Program, name: string): boolean {
  return program.state.get(name)!.over === "element";
}

function gathering(described: Described, className: string): string {
  const { names, states, treeStates, isRandom, program } = described;
  const key = stateKeys(described);
  const leaves = leafInputs(described);
  const view = viewKey(described);
  const lists = [
    ["w", "param"],
    [
      "g",
      `${view === undefined ? "" : "("}-grad if group["maximize"] else grad${
        view === undefined ? "" : ").contiguous()"
      }`,
    ],
    ...states.map((name) => [names.of(name), `state.get("${key(name)}", param)`]),
    ...leaves.map((name) => [
      name,
      isEvaluated(described) ? `param if is_evaluated else ${name}[place]` : `${name}[place]`,
    ]),
    ...isRandom ? [["place of w", "place"]] : [],
  ];
  const unlike = new Set(
    states.filter((name) => !isLike(program, name)).map((name) => names.of(name)),
  );
  const hasPlaces = rulesByKey(described).size > 0;
  const canEvaluate = isEvaluated(described);
  const needsPlace = isRandom || leaves.length > 0;
  return `    def _lists(self, group, first, steps, tree${
    leaves.map((name) => `, ${name}=None`).join("")
  }${canEvaluate ? ", is_evaluated=False" : ""}):
        """The parameters of a group that take part in a step, and what is beside them."""
        lists = {${lists.map(([name]) => `"${name}": []`).join(", ")}}
${
    needsPlace
      ? `        for place, param in zip(${
        hasPlaces ? `group["places"]` : `range(first, first + len(group["params"]))`
      }, group["params"]):
`
      : `        for param in group["params"]:
`
  }            if param.grad is not None and param.is_complex():
                raise RuntimeError("${className} does not support complex parameters")
            if len(self.state[param]) == 0:
                self.state[param].update(self._begin(group, param))
            state = self.state[param]
            steps.append(state["step"])
${
    treeStates.length === 0 ? "" : `            if param is self.param_groups[0]["params"][0]:
                tree.extend([${treeStates.map((name) => `state["${key(name)}"]`).join(", ")}])
`
  }            grad = ${canEvaluate ? "param if is_evaluated else param.grad" : "param.grad"}
            if grad is None or param.numel() == 0:
                continue
            if grad.is_sparse:
                raise RuntimeError("${className} does not support sparse gradients")
${
    view === undefined
      ? lists.map(([name, value]) =>
        `            lists["${name}"].append(${value})
`
      ).join("")
      : `            how = _view(group, param)
${
        lists.map(([name, value]) =>
          `            lists["${name}"].extend(_matrices(${value}, how${
            unlike.has(name) ? ", is_like=False" : ""
          }))
`
        ).join("")
      }`
  }        return lists
`;
}

function bucketing(described: Described): string {
  const { names, hypers, states, treeStates, ofData } = described;
  const scalars = scalarInputs(described);
  const canEvaluate = isEvaluated(described);
  const schedules = hypers.flatMap(({ name, value }) =>
    isSchedule(value) ? [[names.of(name), value] as const] : []
  );
  return `    def _bucket(self, group, lists, step, tree${
    scalars.map((name) => `, ${name}=None`).join("")
  }${canEvaluate ? ", ago=0" : ""}):
        """What the functions above are given of some parameters${
    canEvaluate ? ", by the numbers of so many steps ago" : ""
  }."""
        exact = group["capturable"] or torch.compiler.is_compiling()
        bucket = _values(group, lists, exact)
        bucket["count"] = _number(${
    canEvaluate ? "step if ago == 0 else (step - ago).clamp(min=0)" : "step"
  }, exact)
${
    scalars.map((name) =>
      `        bucket["${name}"] = _number(${name}, exact)
`
    ).join("")
  }${
    treeStates.map((name, k) =>
      `        bucket["${names.of(name)}"] = _number(tree[${k}], ${
        ofData.has(name) ? "True" : "exact"
      })
`
    ).join("")
  }${
    schedules.map(([name, value]) => {
      const clock = [...symbolsIn([value])].find((each) => treeStates.includes(each));
      const own = clock === undefined ? "" : `"${names.of(clock)}"`;
      return `        if group["${name}"] is None:
` + (clock === undefined || !canEvaluate
        ? `            _schedule_${name}(bucket)
`
        : `            at = {**bucket, ${own}: _max(bucket[${own}] - ago, 0)}
            _schedule_${name}(at)
            bucket["${name}"] = at["${name}"]
`);
    }).join("")
  }        _widen(bucket, (${
    ["w", "g", ...states.map((name) => names.of(name)), ...leafInputs(described)].map((name) =>
      `"${name}"`
    ).join(", ")
  }))
        return bucket
`;
}

const tuples = (given: readonly (readonly (string | boolean)[])[]): string =>
  `(${
    given.map((each) =>
      `(${each.map((x) => typeof x === "string" ? `"${x}"` : x ? "True" : "False").join(", ")})`
    ).join(", ")
  },)`;
