/** Shows every stage of what an optimizer does, as text: a pure function that needs no permission. */
import { fewestAxes, isAxes } from "../dsl/axes.ts";
import { GradusError } from "../dsl/errors.ts";
import { elaborate, rates, rootsOf, statesRead } from "../dsl/graph.ts";
import { type Node, postorder, symbol } from "../dsl/node.ts";
import { reduceRow } from "../dsl/ops.ts";
import { printProgram } from "../dsl/print.ts";
import { expressionsOf, type Program } from "../dsl/program.ts";
import { Binding } from "./step/binding.ts";
import { storedAs } from "./trees/state_storage.ts";
import { renderPhases } from "./backends/js/render.ts";
import { type ExplainedLeaf, leavesOf, showLeaves, unseenIn } from "./explained_leaves.ts";
import type { Optimizer } from "./optimizer.ts";
import { showGraph, showLoops } from "./shown_plan.ts";
import { requireOptimizer } from "./wrap.ts";
import { type Loop, operandsOf, type Plan } from "./plan/plan.ts";
import {
  type ArrayKind,
  arraysOf,
  bytesOfKind,
  elementInputs,
  type GroupArrays,
  stateKind,
  typesOf,
} from "./backends/backend.ts";
import { bytesOf } from "./trees/dtype.ts";
import {
  type LoopCost,
  type Machine,
  predict,
  type Prediction,
  weightOf,
} from "./plan/roofline.ts";
import { draftsOf, STAGES } from "./plan/stages.ts";
import { Layout, requireLeaves } from "./trees/layout.ts";
import { asLeaf, asShape } from "./trees/leaf.ts";
import type { VariantKey } from "./plan/forms.ts";
import { variantOf } from "./plan/variants.ts";
import { isRunnable } from "./backends/wasm/kernel.ts";
import { passesOf } from "./backends/wasm/passes.ts";
import { renderModule } from "./backends/wasm/render.ts";

/** A stage from the text of a program to the code of its loops. */
export interface ExplainedStage {
  /** Its name, as the list of stages has it. */
  readonly name: string;
  /** What holds from this stage on. */
  readonly invariant: string;
  /** What it makes of the program: every value with how often it changes, or loops, or code. */
  readonly text: string;
}

/** What {@linkcode explain} returns. */
export interface Explanation {
  /** The program's statements. */
  readonly program: string;
  /** Likely mistakes, such as a state that is kept and never read; usually none. */
  readonly warnings: readonly string[];
  /** Which leaf of the parameters goes where; none where no parameters are given. */
  readonly leaves: readonly ExplainedLeaf[];
  /** What each stage makes of them, in order. */
  readonly stages: readonly ExplainedStage[];
  /** The fused loops, phase by phase. */
  readonly loops: string;
  /** The generated JavaScript of each phase. */
  readonly source: string;
  /** The generated WebAssembly as text; empty if the program cannot run on it. */
  readonly webAssembly: string;
  /** Bytes of state kept for each parameter. */
  readonly stateBytes: number;
  /**
   * The states that do not keep one number per element: one per tensor or tree, or along some axes, or a
   * matrix of another shape.
   */
  readonly narrowStates: readonly string[];
  /** How many loops a step makes over all elements. */
  readonly passes: number;
  /** How many products of matrices a step forms. */
  readonly products: number;
  /** Element-wise operations for each parameter. */
  readonly arithmetic: number;
  /**
   * Bytes read and written for each parameter; a product of matrices moves each factor and the result
   * once.
   */
  readonly bytesMoved: number;
  /** What the roofline model predicts for the WebAssembly; undefined if the program cannot run on it. */
  readonly prediction: Prediction | undefined;
  /** All of it, under headings. */
  toString(): string;
}

/**
 * Explains a step of an optimizer: program, graph, loops, source and cost. `params` decide how leaves are
 * grouped, and the first group is shown; without `params` that is a float32 matrix to which every
 * hyperparameter applies.
 *
 * The prediction is a roofline: the longer of the time to move the bytes and the time to run the
 * instructions of the generated loop, on one thread, of large resident parameters. It measures nothing;
 * `machine` replaces the figures it assumes, such as the bandwidth, by those of another machine.
 *
 * @example
 * ```ts
 * import { explain, lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const { stateBytes, arithmetic } = explain(lion({ learningRate: 1e-3 }));
 * assertEquals([stateBytes, arithmetic], [4, 11]);
 *
 * const { prediction } = explain(lion({ learningRate: 1e-3 }), undefined, { bandwidth: 10e9 });
 * assertEquals(prediction?.nanoseconds, 2); // 20 bytes at 10 GB a second
 * assertEquals(prediction?.bandwidthShare, 1);
 * ```
 *
 * @throws {GradusError} if a hyperparameter is a tree and no parameters are given, or a figure of the
 * machine is not a number above 0.
 */
export function explain(
  optimizer: Optimizer,
  params?: object,
  machine: Machine = {},
): Explanation {
  requireOptimizer(optimizer, "its argument", "Cannot explain");
  const { program } = optimizer;
  const doing = `Cannot explain "${program.name}"`;
  const layout = Layout.of(
    params ?? shapeFor(program),
    doing,
    params === undefined ? asShape : asLeaf,
  );
  requireLeaves(layout, doing);
  const settings = new Map(
    [...optimizer.settings].map(([name, { value, mask }]) => {
      if (params === undefined && typeof value === "object") {
        throw new GradusError(
          `${doing}: its hyperparameter \`${name}\` is a tree, so the parameters must be given`,
        );
      }
      return [name, params === undefined ? { value } : { value, mask }];
    }),
  );
  const binding = new Binding(program, settings, layout, params, doing);
  const { groups } = binding;
  const [{ stored, dtype, axes, structural, live }] = groups;
  const first = layout.leaves[groups[0].leaves[0]];
  const kinds = [...live]
    .filter((name) => program.state.get(name)!.over !== "tree")
    .map((name) => {
      // Without parameters, there are as many numbers as may be.
      const stored = params === undefined
        ? optimizer.storage.get(name) ?? dtype
        : storedAs(optimizer.storage, name, first, binding.stateShape(name, groups[0].leaves[0]));
      return stateKind(program, name, stored);
    });
  const reads = ["g", ...elementInputs(program)].map((name) => ({ name, dtype: stored }));
  const arrays = arraysOf("step", stored, reads, kinds, true);
  const { mode, inputs, outputs } = arrays;
  const dtypes = typesOf(arrays);
  const key = { structural, guards: [], live, mode, axes, dtypes };
  const drafts = draftsOf(program, { ...key, backend: "js" });
  const plan = drafts.at(-1)!.plan!;

  const written = plan.outputs.map(({ node }) => node);
  const names = new Map(
    postorder([...drafts.flatMap(({ graph }) => rootsOf(graph)), ...written])
      .filter(({ src }) => src.length > 0)
      .map((node, i) => [node, `v${i + 1}`]),
  );
  const wide = plan.phases.flat().filter(({ extent }) => extent === "element");
  const isWhole = (name: string) => program.state.get(name)?.over === "element";
  const isState = ({ name }: ArrayKind) => name === "w" || isWhole(name);
  const { text, loops } = webAssemblyOf(program, key, arrays);
  const source = renderPhases(plan, dtype, inputs, outputs).join("\n\n");
  const shown = drafts.map((draft) =>
    draft.plan === undefined
      ? showGraph(rates(rootsOf(draft.graph), program), names)
      : showLoops(draft.plan, names)
  );
  const explanation = {
    program: printProgram(program).step,
    warnings: Object.freeze([
      ...warningsOf(program),
      ...params === undefined ? [] : unseenIn(program, binding),
    ]),
    leaves: params === undefined ? [] : leavesOf(optimizer, binding),
    stages: [
      { ...PARSE, text: printProgram(program).step },
      ...STAGES.map(({ name, invariant }, i) => ({
        ...{ name, invariant },
        text: shown[i] === shown[i - 1] ? "as before" : shown[i],
      })),
      { ...RENDER, text: [source, ...(text === "" ? [] : [text])].join("\n\n") },
    ],
    loops: shown.at(-1)!,
    source,
    webAssembly: text,
    stateBytes: sum(outputs.filter(isState).map(bytesOfKind)),
    narrowStates: Object.freeze([...live].filter((name) => !isWhole(name))),
    passes: wide.length,
    products: plan.products.flat().length,
    arithmetic: sum(wide.map(({ nodes }) => nodes.length)),
    bytesMoved: sum(wide.map((loop) => bytesMovedBy(loop, inputs, outputs))) +
      bytesOf(dtype) * temporariesMoved(plan),
    prediction: text === "" ? undefined : Object.freeze(predict(loops, machine, doing)),
  };
  return Object.freeze({ ...explanation, toString: () => showAll(program.name, explanation) });
}

/** A state that is only looked at costs what any other does, and a hyperparameter that is not read does nothing. */
function warningsOf(program: Program): string[] {
  const read = statesRead(program);
  const unread = [...program.state.keys()].filter((name) => !read.has(name));
  const values = program.statements.map(({ value }) => value);
  const inits = [...program.state.values()].flatMap(expressionsOf);
  const symbols = new Set(postorder([...values, ...inits, program.evaluate]).map(({ arg }) => arg));
  const useless = [...program.hyper.keys()].filter((name) => !symbols.has(name));
  return [
    ...unread.map((name) =>
      `state \`${name}\` is only kept to be looked at: neither \`u\` nor what is evaluated depends on ` +
      `what a step before has left in it`
    ),
    ...useless.map((name) => `hyperparameter \`${name}\` changes nothing: no statement reads it`),
  ];
}

function webAssemblyOf(
  program: Program,
  key: Omit<VariantKey, "backend">,
  arrays: GroupArrays,
): { readonly text: string; readonly loops: readonly LoopCost[] } {
  const variant = variantOf(program, { ...key, backend: "wasm" });
  const group = { ...variant, ...arrays, backend: "wasm" as const, symbols: new Map() };
  if (!isRunnable(group)) return { text: "", loops: [] };
  const memory = { shared: false, initial: 1, maximum: 1 };
  const loops: LoopCost[] = [];
  const { plan } = variant;
  const { dtype, inputs, outputs } = arrays;
  const module = renderModule(plan, dtype, inputs, outputs, memory, (vectors) => {
    const { loop } = passesOf(plan)[vectors.pass];
    // What varies over axes only takes no time beside the elements.
    if (loop.extent !== "element") return;
    loops.push({
      bytes: bytesMovedBy(loop, inputs, outputs),
      instructions: sum(vectors.instructions.map(weightOf)) / vectors.elements,
    });
  });
  return { text: module.text(), loops };
}

/** A matrix, or what has as many axes as the program looks at. */
function shapeFor(program: Program): number[] {
  const lists = [
    ...[...program.state.values()].map(({ over }) => over),
    ...postorder([...rootsOf(elaborate(program)), program.evaluate]).flatMap(({ op, arg }) =>
      reduceRow(op) === undefined ? [] : String(arg)
    ),
  ];
  const rank = Math.max(2, ...lists.filter(isAxes).map(fewestAxes));
  return new Array(rank).fill(2);
}

const PARSE = {
  name: "parse",
  invariant:
    "Every name is declared, every operation is given what it takes, and sizes are bounded.",
};
const RENDER = {
  name: "render",
  invariant: "Code holds numbered slots: no text of a program is in it.",
};

function showAll(name: string, each: Omit<Explanation, "toString">): string {
  return [
    `# ${name}`,
    `state ${each.stateBytes} bytes, arithmetic ${each.arithmetic} operations, ` +
    `moved ${each.bytesMoved} bytes per parameter`,
    ...each.warnings.map((warning) => `warning: ${warning}`),
    ...(each.leaves.length === 0 ? [] : [`## leaves\n${showLeaves(each.leaves)}`]),
    ...(each.prediction === undefined ? [] : [showPrediction(each.prediction)]),
    ...each.stages.map(({ name, invariant, text }) => `## ${name}\n${invariant}\n\n${text}`),
  ].join("\n\n");
}

function showPrediction({ instructions, nanoseconds, bandwidthShare }: Prediction): string {
  return `predicted for one thread: ${instructions} instructions, ${
    nanoseconds.toFixed(2)
  } ns per ` +
    `parameter, share of memory bandwidth: ${Math.round(100 * bandwidthShare)} %`;
}

function bytesMovedBy(
  loop: Loop,
  inputs: readonly ArrayKind[],
  outputs: readonly ArrayKind[],
): number {
  const read = new Set(operandsOf(loop));
  return sum([
    ...inputs.filter(({ name }) => read.has(symbol(name))).map(bytesOfKind),
    ...loop.outputs.flatMap(({ target }) =>
      outputs.filter(({ name }) => name === target).map(bytesOfKind)
    ),
  ]);
}

/** How often a temporary as large as the parameter is read or written, by loops and by products. */
function temporariesMoved({ phases, products, temporaries, extents }: Plan): number {
  const isWhole = (node: Node) => extents.get(node) === "element";
  const byLoops = phases.flat().map((loop) => {
    const own = new Set(loop.nodes);
    const isRead = (node: Node) => temporaries.placeOf.has(node) && !own.has(node);
    const read = [...new Set(operandsOf(loop))].filter(isRead);
    return [...loop.stored, ...read].filter(isWhole).length;
  });
  const byProducts = products.flat().map(({ node, factors }) =>
    [node, ...factors.map(({ node }) => node)].filter(isWhole).length
  );
  return sum([...byLoops, ...byProducts]);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
