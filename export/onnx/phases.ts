/** The bodies of a kind of leaf: reductions over the tree split a step. */
import { globalIndex, type GlobalReduction } from "../../dsl/graph.ts";
import { type Node, postorder, type ReduceOpName } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import { type Body, type BodyKind, writeBody } from "./body.ts";

/** The phase after which each reduction over the tree is known, of those that are `needed`. */
export function levelsOf(
  globals: readonly GlobalReduction[],
  needed: ReadonlySet<number>,
): ReadonlyMap<number, number> {
  const levels = new Map<number, number>();
  globals.forEach(({ node }, k) => {
    if (!needed.has(k)) return;
    const below = postorder([node]).map(({ op, arg }) =>
      (op === "Symbol" ? levels.get(globalIndex(arg as string) ?? -1) : undefined) ?? 0
    );
    levels.set(k, 1 + Math.max(...below));
  });
  return levels;
}

/** Whether a reduction over the tree is what it is without such a leaf. */
function isNothing(op: ReduceOpName, { op: kind, arg }: Node): boolean {
  return kind === "Const" && (arg === reduceOps[op].start);
}

/** The bodies of a kind of leaf, one for each reduction over the tree that others wait for, and the results. */
export function phasesOf(
  kind: BodyKind,
  levels: ReadonlyMap<number, number>,
  globals: readonly { readonly op: ReduceOpName }[],
): Body[] {
  const { form } = kind;
  const last = Math.max(0, ...levels.values());
  const due = Array.from(
    { length: last },
    (_, phase) => [...levels].flatMap(([k, level]) => level === phase + 1 ? [k] : []),
  );
  // Each value is made in the first phase that needs it.
  const made = new Set<Node>();
  const madeIn = due.map((ks) => {
    const own = computedFor(ks.flatMap((k) => form.operands[k] ?? []), made);
    own.forEach((node) => made.add(node));
    return own;
  });
  const rest = computedFor([...form.results.values()], made);
  const readBy = [
    ...madeIn.map((own, i) => [own, due[i].flatMap((k) => form.operands[k] ?? [])] as const),
    [
      rest,
      [...form.results.values()],
    ] as const,
  ];
  const before = new Set<Node>();
  const bodies = madeIn.map((own, phase) => {
    const later = new Set(
      readBy.slice(phase + 1).flatMap(([nodes, roots]) => [
        ...[...nodes].flatMap(({ src }) => src),
        ...roots,
      ]),
    );
    const kept = [...own].filter((node) => later.has(node));
    const parts = due[phase].map((k) => ({ k, op: globals[k].op }))
      .filter(({ k, op }) => !form.nothing.has(k) && !isNothing(op, form.operands[k]!));
    const body = writeBody(kind, parts, new Set(before), kept);
    own.forEach((node) => before.add(node));
    return body;
  });
  return [...bodies, writeBody(kind, undefined, before, [])];
}

/** The values computed in a body for `roots`, those that `made` has left out. */
function computedFor(roots: readonly Node[], made: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  const stack = [...roots];
  for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
    if (found.has(each) || made.has(each) || each.src.length === 0) continue;
    found.add(each);
    stack.push(...each.src);
  }
  return found;
}
