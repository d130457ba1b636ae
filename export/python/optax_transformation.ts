/** The gradient transformation of an Optax file: its state, and the functions that begin and step it. */
import type { ReduceOpName } from "../../dsl/node.ts";
import { readingOf } from "../../runtime/plan/readings.ts";
import { callText, numberText, writingOf } from "./functions.ts";
import { className } from "./names.ts";
import {
  clocksIn,
  dictText,
  type Frame,
  heedLines,
  indented,
  noteText,
  optionLines,
  signature,
} from "./optax_options.ts";
import { globalName } from "./writer.ts";

const JOIN: Readonly<Record<ReduceOpName, (parts: string) => string>> = {
  ReduceSum: (parts) => `sum(${parts})`,
  ReduceMean: (parts) => `jnp.divide(*sum(${parts}))`,
  ReduceMax: (parts) => `jnp.max(jnp.stack(${parts}))`,
  ReduceMin: (parts) => `jnp.min(jnp.stack(${parts}))`,
  ReduceL2: (parts) => `jnp.sqrt(sum(${parts}))`,
};

/** Python of the class of its state, and of the function that makes it. */
export function transformationText(frame: Frame): string {
  const { described, name, numbers, masks } = frame;
  const { names, states, treeStates } = described;
  const fields = [
    "count: jax.Array",
    ...states.map((each) => `${names.of(each)}: optax.Updates`),
    ...treeStates.map((each) => `${names.of(each)}: jax.Array`),
  ];
  const options = [...numbers, ...masks];
  const given = [...described.inputs.keys()].map((each) => names.of(each));
  const arguments_ = [
    "updates",
    "state",
    "params=None",
    ...given.length === 0 ? [] : ["*", ...given],
    "**extra_args",
  ];
  return `class ${stateName(name)}(NamedTuple):
    """What is kept from step to step."""

${indented(1, fields)}

def ${name}(${signature(options).join(", ")}) -> optax.GradientTransformationExtraArgs:
    """${name}: see the top of this file.${noteText(options)}"""
${indented(1, optionLines(numbers, masks))}
    def init_fn(params):
${indented(2, initLines(frame))}
    def update_fn(${arguments_.join(", ")}):
${indented(2, updateLines(frame))}
    return optax.GradientTransformationExtraArgs(init_fn, update_fn)`;
}

const stateName = (name: string) => `${className(name)}State`;

function initLines({ described, name, schedules, masks }: Frame): string[] {
  const { program, names, states, treeStates, storage } = described;
  const clocks = treeStates.filter((each) => clocksIn(described).has(each));
  const begin = (each: string) => {
    const text = numberText(writingOf(described), described.bound(program.state.get(each)!.init));
    // What begins by a hyperparameter has it of the first leaf.
    const own = text.replaceAll("bucket[", "buckets[0][");
    return own === text ? text : `${own} if buckets else 0.0`;
  };
  const stored = (each: string) => storage.has(each) ? `, "${storage.get(each)}"` : "";
  return [
    "treedef = jax.tree.structure(params)",
    "count = jnp.zeros([], jnp.int32)",
    "buckets = _buckets(params, count, options, masks)",
    ...clocks.length === 0
      ? []
      : [`_tell(buckets, ${dictText(clocks.map((each) => [names.of(each), "0.0"]))})`],
    ...heedLines(schedules, masks, 0),
    ...states.length === 0 ? [] : ["for bucket in buckets:", `    ${callText(described, "begin")}`],
    ...treeStates.length === 0
      ? []
      : [`kind = jnp.result_type(jnp.float32, *(bucket["kind of w"] for bucket in buckets))`],
    `return ${stateName(name)}(`,
    "    count,",
    ...states.map((each) =>
      `    ${names.of(each)}=_begun(buckets, treedef, "${names.of(each)}"${stored(each)}),`
    ),
    ...treeStates.map((each) => `    ${names.of(each)}=jnp.asarray(${begin(each)}, dtype=kind),`),
    ")",
  ];
}

function updateLines({ described, name, schedules, masks }: Frame): string[] {
  const { program, names, states, treeStates, inputs, levels } = described;
  const inputsOf = (kind: string) =>
    [...inputs].flatMap(([each, own]) => own === kind ? [names.of(each)] : []);
  const [leafStates, numbers] = [states, treeStates].map((each) =>
    each.map((name) => names.of(name))
  );
  const told = [
    ...numbers.map((each) => [each, `state.${each}`] as const),
    ...inputsOf("scalar").map((each) => [each, each] as const),
  ];
  const beside = [
    ["g", "updates"] as const,
    ...leafStates.map((each) => [each, `state.${each}`] as const),
    ...inputsOf("element").map((each) => [each, each] as const),
  ];
  return [
    "del extra_args",
    ...readingOf(program).parameter || described.isOfShape
      ? [
        "if params is None:",
        `    raise ValueError("${name} reads the parameters, so that its update needs \`params\`")`,
      ]
      : ["if params is None:", "    params = updates"],
    "treedef = jax.tree.structure(updates)",
    "params = treedef.unflatten(treedef.flatten_up_to(params))",
    "buckets = _buckets(params, state.count, options, masks)",
    "if not buckets:",
    "    return updates, state._replace(count=optax.safe_increment(state.count))",
    ...told.length === 0 ? [] : [`_tell(buckets, ${dictText(told)})`],
    ...heedLines(schedules, masks, 0),
    `_beside(buckets, treedef, ${dictText(beside)})`,
    ...levels.flatMap((totals, level) => [
      "for bucket in buckets:",
      `    ${callText(described, `part${level}`)}`,
      "_tell(buckets, {",
      ...totals.map(({ k, op }) => {
        const each = globalName(k);
        return `    "${each}": ${JOIN[op](`[bucket["part of ${each}"] for bucket in buckets]`)},`;
      }),
      "})",
    ]),
    "for bucket in buckets:",
    `    ${callText(described, "update")}`,
    `return _made(buckets, treedef, "next w", "g"), ${stateName(name)}(`,
    "    optax.safe_increment(state.count),",
    ...leafStates.map((each) => `    ${each}=_made(buckets, treedef, "next ${each}", "${each}"),`),
    ...numbers.map((each) =>
      `    ${each}=jnp.asarray(buckets[0]["next ${each}"], dtype=state.${each}.dtype),`
    ),
    ")",
  ];
}
