/** The functions of a program's forms: how states begin, what reductions over the tree take, what a step makes. */
import type { Node } from "../../dsl/node.ts";
import { type Described, isSchedule } from "./described.ts";
import { type Choice, type Form, formsIn, isEvaluated, isForm } from "./forms.ts";
import { atom, call } from "./spelling.ts";
import { FormWriter, globalName, type Part, shapeText, type Writing } from "./writer.ts";

/** All functions of an optimizer; those of one of several forms end on its number. */
export function functionsOf(described: Described): string[] {
  const writing = writingOf(described);
  const forms = formsIn(described.choice);
  const isOne = forms.length === 1;
  return [
    ...forms.flatMap((form, i) => formFunctions(described, writing, form, isOne ? "" : `_${i}`)),
    ...described.hypers.flatMap(({ name, value }) => {
      const own = described.names.of(name);
      return isSchedule(value) ? [numbersFunction(writing, `_schedule_${own}`, own, value)] : [];
    }),
    ...isOne ? [] : [formFunction(described, writing, forms)],
  ];
}

/** Python that calls a function of the form that a bucket has. */
export function callText({ choice }: Described, part: string): string {
  const forms = formsIn(choice);
  if (forms.length === 1) return `_${part}(bucket)`;
  return `[${forms.map((_, i) => `_${part}_${i}`).join(", ")}][_form(bucket)](bucket)`;
}

/** What writes expressions of an optimizer. */
export function writingOf({ program, spelling, names, bound, doing }: Described): Writing {
  return { program, spelling, names, bound, doing };
}

/** The functions of a form: its beginning, its parts of reductions over the tree, and its update. */
function formFunctions(
  described: Described,
  writing: Writing,
  form: Form,
  suffix: string,
): string[] {
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
  if (
    isEvaluated(described) && spelling.evaluates
  ) {
    const part = { results: [{ key: "evaluated", node: form.evaluate, isSpread: true }] };
    made.push(new FormWriter(writing, named, [part]).write(`_evaluated${suffix}`, 0));
  }
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
        wrap: (value: { text: string }) =>
          call("_new")(atom("bucket"), atom(shape), value as never),
      }],
    };
    const own = new FormWriter({ ...writing, placed: `_blank(bucket, ${shape})` }, new Map(), [
      part,
    ]);
    return own.write(`_begin${suffix}`, 0).split("\n").slice(1);
  });
  const begin = [
    `def _begin${suffix}(bucket):`,
    `    """The states of a parameter before its first step."""`,
  ];
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
  return [
    "def _form(bucket):",
    `    """Which of the forms a parameter has."""`,
    ...lines(choice, "    "),
  ]
    .join("\n");
}

/** A function of numbers alone. */
function numbersFunction(writing: Writing, name: string, key: string, node: Node): string {
  return new FormWriter(writing, new Map(), [{ results: [{ key, node }] }]).write(name, 0);
}

/** An expression of numbers that are found among the values. */
export function numberText(writing: Writing, node: Node): string {
  return new FormWriter(writing, new Map(), []).inline(
    node,
    (name) => `bucket["${writing.names.of(name)}"]`,
  ).text;
}
