/** What Optax's files evaluate with, where that is not what they train: a function, as Optax has it. */
import { symbolsIn } from "../../dsl/node.ts";
import { formsIn, isEvaluated } from "./forms.ts";
import { callText } from "./functions.ts";
import {
  dictText,
  type Frame,
  heedLines,
  indented,
  noteText,
  optionLines,
  signature,
} from "./optax_options.ts";

/** Python of the function. */
export function evaluationText({ described, name, numbers, masks, schedules }: Frame): string {
  if (!isEvaluated(described)) return "";
  const { names, states, treeStates, choice } = described;
  const forms = formsIn(choice);
  const read = new Set(
    [...symbolsIn(forms.map(({ evaluate }) => evaluate))].map((each) => names.of(each)),
  );
  const own = numbers.filter(({ key }) => read.has(key));
  const chosen = masks.filter(({ decay }) =>
    decay === undefined ? forms.length > 1 : read.has(decay)
  );
  const followed = schedules.filter(({ key }) => read.has(key));
  const clocks = followed.flatMap(({ clock }) => clock ?? []);
  const told = treeStates.map((each) => names.of(each))
    .filter((each) => read.has(each) || clocks.includes(each));
  const beside = states.map((each) => names.of(each)).filter((each) => read.has(each));
  const dict = (list: readonly string[]) => dictText(list.map((each) => [each, `state.${each}`]));
  const lines = [
    ...optionLines(own, chosen),
    "treedef = jax.tree.structure(params)",
    "buckets = _buckets(params, jnp.maximum(state.count - 1, 0), options, masks)",
    ...told.length === 0 ? [] : [`_tell(buckets, ${dict(told)})`],
    ...heedLines(followed, chosen, 1),
    `_beside(buckets, treedef, ${dict(beside)})`,
    "for bucket in buckets:",
    `    ${callText(described, "evaluated")}`,
    `return _made(buckets, treedef, "evaluated", "w")`,
  ];
  return `def ${name}_eval_params(${
    ["state", "params", ...signature([...own, ...chosen])].join(", ")
  }):
    """The parameters to evaluate with, by the state and the parameters after a step.${
    noteText([...own, ...chosen])
  }"""
${indented(1, lines)}`.trimEnd();
}
