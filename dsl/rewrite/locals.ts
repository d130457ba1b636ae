/** Which values have names: those that several statements need, and those that keep a line short. */
import { foldNodes, type Node, postorder, withSources } from "../node.ts";
import { isReserved } from "../words.ts";
import { printExpression, printStatements } from "../print.ts";
import { RESERVED } from "../scope.ts";
import type { Form } from "./form.ts";
import { statementsOf } from "./layout.ts";
import type { Change } from "./passes.ts";

/** How long the value of a statement may get, in characters, for taking in a local that is used once. */
const LONGEST = 48;

/** How long a value that is needed twice must be, in characters, to get a name. */
const SHORTEST = 16;

/** A value that needs a name and has none, or a name that is not needed; undefined if there is neither. */
export function nextName(form: Form): Change | undefined {
  return nameShared(form) ?? inlineOnce(form);
}

function nameShared(form: Form): Change | undefined {
  const roots = [...form.outputs.values()];
  const uses = new Map<Node, number>();
  const count = (node: Node) => uses.set(node, (uses.get(node) ?? 0) + 1);
  new Set(roots).forEach(count);
  const order = postorder(roots);
  for (const { src } of order) src.forEach(count);
  const name = freshLocal(form);
  for (const node of order) {
    const isUnnamed = node.src.length > 0 && !form.names.has(node) && !roots.includes(node);
    if (!isUnnamed || uses.get(node)! < 2) continue;
    const named = { ...form, names: new Map([...form.names, [node, name]]) };
    const statement = statementsOf(named).find(({ target }) => target === name)!;
    const text = printExpression(statement.value);
    if (text.length < SHORTEST) continue;
    return {
      rule: "a value that is needed twice gets a name",
      kind: "exact",
      place: name,
      before: () => text,
      after: () => printStatements([statement]),
      form: named,
    };
  }
}

function freshLocal(form: Form): string {
  const taken = new Set([
    ...RESERVED.keys(),
    ...form.hyper.keys(),
    ...form.state.keys(),
    ...form.inputs.keys(),
    ...form.names.values(),
  ]);
  for (const letter of "xyzabcdefhijklnopqrs") {
    if (!taken.has(letter) && !isReserved(letter)) return letter;
  }
  let k = 1;
  while (taken.has(`x${k}`)) k++;
  return `x${k}`;
}

/** A local that one statement reads once, from the last on, if that statement stays short with it. */
function inlineOnce(form: Form): Change | undefined {
  const statements = statementsOf(form);
  for (const local of statements.toReversed()) {
    const { target, node } = local;
    if (target === "u" || form.state.has(target) || form.names.get(node) === undefined) continue;
    // What takes more than one operation is easier to read with a name.
    if (local.value.src.some(({ src }) => src.length > 0)) continue;
    const reads = statements.map(({ value }) => occurrences(value, target));
    if (reads.reduce((a, b) => a + b, 0) !== 1) continue;
    const reader = statements[reads.indexOf(1)];
    const value = foldNodes<Node>(
      [reader.value],
      (each, src) =>
        each.op === "Symbol" && each.arg === target ? local.value : withSources(each, src),
    ).get(reader.value)!;
    if (printExpression(value).length > LONGEST) continue;
    const inlined = {
      ...form,
      names: new Map([...form.names].filter(([each]) => each !== node)),
    };
    return {
      rule: "a local is written where it is used",
      kind: "exact",
      place: reader.target,
      before: () => printStatements([local, reader]),
      after: () => printStatements([{ target: reader.target, value }]),
      form: inlined,
    };
  }
}

/** How often a name is written in the text of an expression. */
function occurrences(root: Node, name: string): number {
  return foldNodes<number>(
    [root],
    (node, src) =>
      node.op === "Symbol" ? Number(node.arg === name) : src.reduce((a, b) => a + b, 0),
  ).get(root)!;
}
