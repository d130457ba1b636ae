/** The forms of a program: what it comes to where some of it is known for good, or in this step. */
import { Evaluator } from "../../dsl/evaluate.ts";
import {
  elaborate,
  globalIndex,
  type Graph,
  isAtMost,
  mapGraph,
  rates,
  rootsOf,
  specialise,
  type Structural,
} from "../../dsl/graph.ts";
import { apply, foldNodes, index, type Node, postorder, symbol } from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { simplified } from "../../dsl/simplify.ts";
import { Memo, spellStructural } from "./memo.ts";
import type { Mode } from "./plan.ts";

/**
 * What runs the loops: WebAssembly SIMD, compiled JavaScript, or the interpreter that defines what they
 * mean. What one of them cannot run, the next one runs. Where `"wasm"` multiplies matrices, JavaScript
 * runs the element-wise parts between the products.
 */
export type Backend = "wasm" | "js" | "interpreter";

/** What a program comes to for some leaves: what is known of them for good, and this step. */
export interface FormKey {
  readonly structural: Structural;
  /** The truth of each of the {@linkcode guardsOf} the program; undefined where it is not known yet. */
  readonly guards: readonly (boolean | undefined)[];
}

/** What tells one plan of a program from another. */
export interface VariantKey extends FormKey {
  readonly live: ReadonlySet<string>;
  readonly mode: Mode;
  /** What the program looks at of the leaves' shape: see {@linkcode axesSeen}. */
  readonly axes: readonly number[];
  readonly backend: Backend | "wgsl";
  /** The types computed with and stored in, since compiled loops depend on them. */
  readonly dtypes: string;
  /** The reductions over the tree that are read for some leaf; all if left out. */
  readonly globals?: ReadonlySet<number>;
}

const guards = new Memo<readonly Node[]>();
const forms = new Memo<Graph>();

/**
 * The conditions of a program that are known before a step begins and choose what its loops compute,
 * such as whether a wrapper lets this step through. Each way they can turn out has a plan of its own,
 * which computes nothing that is not chosen.
 */
export function guardsOf(program: Program, structural: Structural): readonly Node[] {
  return guards.get(program, spellStructural(structural), () => {
    const roots = rootsOf(specialise(elaborate(program), structural));
    const choices = postorder(roots).filter(({ op }) => op === "Where");
    if (choices.length === 0) return [];
    const rate = rates(roots, program);
    const isOfData = foldNodes<boolean>(
      roots,
      ({ op, arg }, src) =>
        src.includes(true) || reduceRow(op) !== undefined ||
        (op === "Symbol" && globalIndex(arg as string) !== undefined),
    );
    const isEarly = (node: Node) => ["const", "step"].includes(rate.get(node)!);
    const chosen = choices.filter(({ src: [condition] }) =>
      isEarly(condition) && !isOfData.get(condition)
    );
    const conditions = chosen.filter((node) => !isEarly(node) || isOfData.get(node))
      .map(({ src: [condition] }) => condition);
    return [...new Set(conditions)];
  });
}

/** How guards turn out in a step; undefined for those that rest on a symbol of `unknown`. */
export function guardsAt(
  guards: readonly Node[],
  symbols: ReadonlyMap<string, number>,
  unknown: ReadonlySet<string> = NOTHING,
): FormKey["guards"] {
  if (guards.length === 0) return [];
  const evaluator = new Evaluator(guards);
  evaluator.evaluate(symbols);
  return guards.map((guard) => isKnown(guard) ? evaluator.get(guard) !== 0 : undefined);

  function isKnown(guard: Node): boolean {
    return unknown.size === 0 ||
      !postorder([guard]).some(({ op, arg }) => op === "Symbol" && unknown.has(arg as string));
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** The graph of `program` in one form. */
export function formOf(program: Program, { structural, guards }: FormKey): Graph {
  const key = JSON.stringify([spellStructural(structural), guards]);
  return forms.get(program, key, () => {
    const graph = specialise(elaborate(program), structural);
    if (guards.length === 0) return graph;
    const known = new Map(guardsOf(program, structural).map((node, i) => [node, guards[i]]));
    const rate = rates(rootsOf(graph), program);
    const isOfMatrices = foldNodes<boolean>(
      rootsOf(graph),
      ({ op, arg }, src) =>
        src.includes(true) || matrixRow(op) !== undefined ||
        op === "Symbol" && program.state.get(arg as string)?.sizes !== undefined,
    );
    const spread = new Map<Node, Node>();
    const decided = foldNodes<Node>(rootsOf(graph), (node, src) => {
      const truth = node.op === "Where" ? known.get(node.src[0]) : undefined;
      if (truth === undefined) return simplified(node, src);
      const k = truth ? 1 : 2;
      if (isAtMost(rate.get(node)!, rate.get(node.src[k])!)) return src[k];
      if (rate.get(node) !== "element") return simplified(node, src);
      // What is done with a number chosen between elements is rounded as elements are; in the place of a
      // matrix it has its sizes.
      const isMatrix = isOfMatrices.get(node.src[3 - k]);
      const like = isMatrix ? apply("Add", index(0), index(1)) : symbol("g");
      const each = apply("Where", apply("IsNaN", like), src[k], src[k]);
      spread.set(each, src[k]);
      return each;
    });
    return mapGraph(graph, (node) => {
      const root = decided.get(node)!;
      return spread.get(root) ?? root;
    });
  });
}
