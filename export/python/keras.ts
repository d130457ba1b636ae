/** A program as a module of Keras 3: its functions, and a subclass of `keras.optimizers.Optimizer` around them. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import {
  argumentsText,
  arrayFile,
  isOfTree,
  namesText,
  requiredText,
  scheduled,
  treeBegins,
} from "./array_frame.ts";
import { arraySpelling } from "./array_spelling.ts";
import type { Described } from "./described.ts";
import { formsIn } from "./forms.ts";
import { callText } from "./functions.ts";
import type { Golden } from "./golden.ts";

/** Keras 3. */
export const kerasSpelling = arraySpelling({
  name: "Keras",
  module: "ops",
  reserved:
    "variables gradient variable kwargs name clipnorm clipvalue global_clipnorm use_ema ema_momentum " +
    "ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps",
  qr: `ops.qr(x, mode="reduced")`,
});

/** Python of a file. */
export function kerasFile(described: Described, name: string, golden: Golden): string {
  const [input] = described.inputs.keys();
  if (input !== undefined) {
    throw new GradusError(
      `${described.doing}: a step of Keras is given gradients alone, and this one needs the input ${
        quoted(input)
      }`,
    );
  }
  return arrayFile(described, name, golden, {
    module: "ops",
    notes: [
      "Numbers of a step, such as bias corrections, are float32. Every option may be a LearningRateSchedule.",
    ],
    imports: `import keras
from keras import ops`,
    wide: `ops.stop_gradient(ops.cast(x, keras.backend.result_type(
        keras.backend.standardize_dtype(x.dtype), "float32"
    )))`,
    like: "ops.cast(ops.broadcast_to(value, x.shape), x.dtype)",
    code: classText(described, name),
    test: testText(described, name, golden),
  });
}

function classText(described: Described, name: string): string {
  const { names, hypers, states, treeStates } = described;
  const own = (list: readonly string[]) => list.map((each) => names.of(each));
  const options = own(hypers.map((each) => each.name));
  const hasRate = options.includes("learning_rate");
  const others = options.filter((each) => each !== "learning_rate");
  const followed = scheduled(described);
  const isFollowed = followed.includes("learning_rate");
  const handed = handedOn(described);
  return `@keras.saving.register_keras_serializable(package="gradus")
class ${name}(keras.optimizers.Optimizer):
    """${name}: see the top of this file.${
    followed.length === 0
      ? ""
      : ` ${followed.map((each) => `\`${each}\``).join(", ")} follow a schedule while None.`
  } Further options are those of every optimizer of Keras."""

    def __init__(self${argumentsText(described)}, name=None, **kwargs):
${
    hasRate
      ? `        if isinstance(learning_rate, int):
            learning_rate = float(learning_rate)
`
      : `        # The program has no rate of its own.
        kwargs.setdefault("learning_rate", 1.0)
`
  }        super().__init__(${
    !hasRate
      ? ""
      : isFollowed
      ? "learning_rate=(lambda: self._rate()) if learning_rate is None else learning_rate, "
      : "learning_rate=learning_rate, "
  }name=name, **kwargs)
${isFollowed ? "        self._is_followed = learning_rate is None\n" : ""}        self._options = {
            name: keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
            for name, value in {${others.map((each) => `"${each}": ${each}`).join(", ")}}.items()
        }
        self._states = []
        self._tree = {}
${
    treeStates.length === 0
      ? ""
      : `        numbers = {**self._options${hasRate ? `, "learning_rate": learning_rate` : ""}}
        begin = {${treeBegins(described, "numbers")}}
        self._tree = {name: self._scalar(name, value) for name, value in begin.items()}

    def _scalar(self, name, value):
        return self.add_variable((), lambda shape, dtype=None: ops.cast(value, dtype), "float32", name=name)
`
  }
    def _numbers(self):
        """What is known of a step besides trees and the learning rate."""
        numbers = {"count": ops.cast(self.iterations, "float32")}
        numbers.update({name: ops.convert_to_tensor(x) for name, x in self._tree.items()})
        for name, value in self._options.items():
            numbers[name] = value(self.iterations) if callable(value) else value
${
    followed.filter((each) => each !== "learning_rate").map((each) =>
      `        if numbers["${each}"] is None:
            _schedule_${each}(numbers)
`
    ).join("")
  }        return numbers
${
    !isFollowed ? "" : `
    def _rate(self):
        """The learning rate while it follows its schedule."""
        numbers = self._numbers()
        _schedule_learning_rate(numbers)
        return numbers["learning_rate"]
`
  }
    def build(self, variables):
        if self.built:
            return
        super().build(variables)
${
    states.length === 0 ? "" : `        made = []
        for variable in variables:
            bucket = _values(variable, {**self._numbers(), "learning_rate": self.learning_rate})
            ${callText(described, "begin")}
            made.append({
                name: self._begin(variable, name, bucket[f"next {name}"])
                for name in ${namesText(own(states))} if f"next {name}" in bucket
            })
        self._states = made

    def _begin(self, variable, name, value):
        begin = lambda shape, dtype=None: ops.cast(value, dtype)
        if tuple(value.shape) == tuple(variable.shape):
            return self.add_variable_from_reference(variable, name, begin)
        return self.add_variable(value.shape, begin, variable.dtype, name=f"{variable.name}_{name}")
`
  }
    def update_step(self, gradient, variable, learning_rate):
        self._together([gradient], [variable], learning_rate)
${
    !isOfTree(described) ? "" : `
    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # All at once, since what is formed goes over all variables.
        self._together(grads, trainable_variables, learning_rate)
`
  }
    def _together(self, gradients, variables, learning_rate):
        numbers = {**self._numbers(), "learning_rate": ops.cast(learning_rate, "float32")}
        states = [${
    states.length === 0 ? "{}" : "self._states[self._get_variable_index(variable)]"
  } for variable in variables]
        buckets = [
            {
                **_values(variable, numbers),
                "g": _wide(gradient),
                **{name: _wide(x) for name, x in kept.items()},
            }
            for gradient, variable, kept in zip(gradients, variables, states)
        ]
        _step(buckets)
        for bucket, variable, kept in zip(buckets, variables, states):
            after = bucket["w"] + bucket["next w"]
${
    handed.length === 0 ? "" : `            for name in ${namesText(own(handed))}:
                if name in kept:  # It may be written over before it is read.
                    bucket[f"next {name}"] = ops.copy(bucket[f"next {name}"])
`
  }            for name, state in kept.items():
                self.assign(state, _like(bucket[f"next {name}"], state))
            self.assign(variable, _like(after, variable))
${
    treeStates.length === 0
      ? ""
      : `        made = {name: ops.copy(_like(buckets[0][f"next {name}"], x)) for name, x in self._tree.items()}
        for name, value in made.items():
            self.assign(self._tree[name], value)
`
  }
    def get_config(self):
        config = super().get_config()
        for name, value in self._options.items():
            config[name] = keras.saving.serialize_keras_object(value) if callable(value) else value
${
    isFollowed
      ? `        if self._is_followed:
            config["learning_rate"] = None
`
      : ""
  }        return config`;
}

/** States that come to be another state, or a view of one. */
function handedOn({ choice, states }: Described): string[] {
  return states.filter((name) =>
    formsIn(choice).some(({ graph, live }) => {
      const next = live.has(name) ? graph.states.get(name) : undefined;
      return next?.op === "Transpose" || next?.op === "Symbol" && next.arg !== name;
    })
  );
}

function testText(described: Described, name: string, golden: Golden): string {
  return `def _tensors(numbers):
    return [ops.reshape(ops.array(each, "float32"), shape) for each, shape in zip(numbers, _SHAPES)]


def _self_test():
    params = [keras.Variable(each) for each in _tensors(_filled(0))]
    opt = ${name}(${requiredText(described)})
    for step in range(1, ${golden.steps + 1}):
        opt.apply(_tensors(_filled(step)), params)
    _compare([ops.convert_to_numpy(p).flatten().tolist() for p in params])`;
}
