/** A program as a module of MLX: its functions, and a subclass of `mlx.optimizers.Optimizer` around them. */
import {
  argumentsText,
  arrayFile,
  beginsWithParameter,
  isOfTree,
  namesText,
  requiredText,
  scheduled,
  treeBegins,
} from "./array_frame.ts";
import { arraySpelling } from "./array_spelling.ts";
import type { Described } from "./described.ts";
import { callText } from "./functions.ts";
import type { Golden } from "./golden.ts";

/** MLX. */
export const mlxSpelling = arraySpelling({
  name: "MLX",
  module: "mx",
  reserved:
    "mlx tree_map init init_single update apply_gradients apply_single gradients parameters state step " +
    "model schedulers numbers followed together initialized",
  qr: "mx.linalg.qr(x, stream=mx.cpu)",
});

/** Python of a file. */
export function mlxFile(described: Described, name: string, golden: Golden): string {
  return arrayFile(described, name, golden, {
    module: "mx",
    notes: [
      "Numbers of a step, such as bias corrections, are float32. Every option may be a schedule: a function of " +
      "the step.",
    ],
    imports: `import mlx.core as mx
import mlx.optimizers
from mlx.utils import tree_map`,
    wide: "x.astype(mx.float32) if x.dtype in (mx.float16, mx.bfloat16) else x",
    like: "mx.broadcast_to(value, x.shape).astype(x.dtype)",
    code: classText(described, name),
    test: testText(described, name, golden),
  });
}

function classText(described: Described, name: string): string {
  const { names, hypers, states, treeStates, inputs } = described;
  const followed = scheduled(described);
  const plain = hypers.map((each) => names.of(each.name)).filter((each) =>
    !followed.includes(each)
  );
  const numbers = treeStates.map((each) => names.of(each));
  const trees = [...inputs].filter(([, kind]) => kind === "element").map(([each]) =>
    names.of(each)
  );
  return `class ${name}(mlx.optimizers.Optimizer):
    """${name}: see the top of this file.${
    followed.length === 0
      ? ""
      : ` ${followed.map((each) => `\`${each}\``).join(", ")} follow a schedule while None.`
  }"""

    def __init__(self${argumentsText(described)}):
        super().__init__()
        for name, value in ${pairsText([...plain, ...followed])}:
            if callable(value) or name == "learning_rate" and value is not None:
                self._maybe_schedule(name, value)
            else:
                setattr(self, f"_{name}", value)
${
    numbers.length === 0 ? "" : `        numbers = self._numbers(self.step)
        self.state["_tree"] = {
            name: mx.array(value, mx.float32) for name, value in {${
      treeBegins(described, "numbers")
    }}.items()
        }
`
  }${
    followed.map((each) =>
      `        if ${each} is None:
            self._maybe_schedule("${each}", lambda step: self._followed(_schedule_${each}, "${each}", step))
`
    ).join("")
  }
    def _numbers(self, step):
        """What is known of a step besides trees."""
        numbers = {"count": step.astype(mx.float32)${
    numbers.length === 0 ? "" : `, **self.state.get("_tree", {})`
  }}
        for name in ${namesText([...plain, ...followed])}:
            is_kept = name == "learning_rate" or name in self._schedulers
            numbers[name] = self.state.get(name) if is_kept else getattr(self, f"_{name}")
        return numbers
${
    followed.length === 0 ? "" : `
    def _followed(self, schedule, name, step):
        numbers = self._numbers(step)
        schedule(numbers)
        return mx.array(numbers[name])
`
  }
    def init_single(self, parameter, state):
${
    states.length === 0
      ? `        """There is nothing to keep of a parameter."""
`
      : `        bucket = _values(parameter, self._numbers(self.step))
        ${callText(described, "begin")}
        for name in ${namesText(states.map((each) => names.of(each)))}:
            if f"next {name}" in bucket:
                state[name] = bucket[f"next {name}"].astype(parameter.dtype)
`
  }
    def apply_single(self, gradient, parameter, state):
        return self._together([(gradient, parameter, state)], self._numbers(self.step - 1))[0]

    def _together(self, leaves, numbers):
        """The parameters after a step; each is given with its gradient and state${
    trees.length === 0 ? "" : ", and inputs beside"
  }."""
        buckets = []
        for gradient, parameter, state, *beside in leaves:
            given = {"g": gradient, **state${
    trees.length === 0 ? "" : `, **dict(zip(${namesText(trees)}, beside))`
  }}
            buckets.append({**_values(parameter, numbers), **{name: _wide(x) for name, x in given.items()}})
        _step(buckets)
        made = []
        for bucket, (_, parameter, state, *_) in zip(buckets, leaves):
            made.append(_like(bucket["w"] + bucket["next w"], parameter))
            for name, before in state.items():
                state[name] = _like(bucket[f"next {name}"], before)
${
    numbers.length === 0 ? "" : `        for name, before in self.state["_tree"].items():
            if buckets:
                self.state["_tree"][name] = _like(buckets[0][f"next {name}"], before)
`
  }        return made${applyText(described, trees)}`;
}

const pairsText = (names: readonly string[]): string =>
  `(${names.map((name) => `("${name}", ${name}),`).join(" ")})`;

/** Python of the method that steps a tree, where MLX's own, which goes leaf by leaf, does not do. */
function applyText(described: Described, trees: readonly string[]): string {
  const { inputs, names } = described;
  const begin = `        if not self._initialized:
            self.init(tree_map(lambda _, parameter: parameter, gradients, parameters))`;
  if (!isOfTree(described)) {
    return !beginsWithParameter(described) ? "" : `

    def apply_gradients(self, gradients, parameters):
        # States begin with the parameters.
${begin}
        return super().apply_gradients(gradients, parameters)`;
  }
  const given = [...inputs.keys()].map((each) => names.of(each));
  const scalars = given.filter((each) => !trees.includes(each));
  const parameters = given.length === 0 ? "" : `, *${given.map((each) => `, ${each}`).join("")}`;
  return `${
    given.length === 0 ? "" : `

    def update(self, model, gradients${parameters}):
        model.update(self.apply_gradients(gradients, model${
      given.map((each) => `, ${each}=${each}`).join("")
    }))`
  }

    def apply_gradients(self, gradients, parameters${parameters}):
        """One step of the whole tree.${
    trees.length === 0
      ? ""
      : ` ${trees.map((each) => `\`${each}\``).join(", ")}: trees as gradients are.`
  }"""
${begin}
        for name, scheduler in self._schedulers.items():
            self.state[name] = scheduler(self.step)
        numbers = self._numbers(self.step)
${
    scalars.map((each) =>
      `        numbers["${each}"] = mx.array(${each}, mx.float32)
`
    ).join("")
  }        self.state["step"] = self.step + 1
        leaves = []
        tree_map(lambda *leaf: leaves.append(leaf), gradients, parameters, self.state${
    trees.map((each) => `, ${each}`).join("")
  })
        made = iter(self._together(leaves, numbers))
        return tree_map(lambda _: next(made), gradients)`;
}

function testText(described: Described, name: string, golden: Golden): string {
  const { inputs, names } = described;
  return `def _tree(numbers):
    return {
        f"p{k}": mx.array(each, dtype=mx.float32).reshape(shape)
        for k, (each, shape) in enumerate(zip(numbers, _SHAPES))
    }


def _self_test():
    params = _tree(_filled(0))
    opt = ${name}(${requiredText(described)})
    for step in range(1, ${golden.steps + 1}):
        params = opt.apply_gradients(_tree(_filled(step)), params${
    [...inputs].map(([each, kind]) =>
      `, ${names.of(each)}=${kind === "scalar" ? "1 / step" : "_tree(_filled(step, abs))"}`
    ).join("")
  })
    _compare([params[f"p{k}"].flatten().tolist() for k in range(len(params))])`;
}
