/** The stages from a program to its loops: what each promises holds, for every optimizer of the zoo. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  explain,
  lion,
  muon,
  type Optimizer,
  sm3,
} from "../../mod.ts";
import { isAxes } from "../../dsl/axes.ts";
import { rootsOf } from "../../dsl/graph.ts";
import { type Node, postorder } from "../../dsl/node.ts";
import { elementRow, reduceRow } from "../../dsl/ops.ts";
import { globalIndex } from "../../dsl/graph.ts";
import { type Draft, draftsOf, STAGES } from "../../runtime/plan/stages.ts";
import { operandsOf } from "../../runtime/plan/plan.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { Layout } from "../../runtime/trees/layout.ts";
import { asLeaf } from "../../runtime/trees/leaf.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertEquals } from "../assert.ts";

interface Staged {
  readonly opt: Optimizer;
  readonly drafts: readonly Draft[];
  readonly structural: ReadonlyMap<string, Node>;
  readonly live: ReadonlySet<string>;
}

function staged(opt: Optimizer, backend: "js" | "wasm" = "js"): Staged {
  const { program, settings } = opt;
  const params = { w: { data: new Float32Array(6), shape: [2, 3] } };
  const layout = Layout.of(params, "", asLeaf);
  const [{ structural, live, axes }] = new Binding(program, settings, layout, params, "").groups;
  const key = { structural, guards: [], live, mode: "step", axes, dtypes: "", backend } as const;
  return { opt, structural, live, drafts: draftsOf(program, key) };
}

const made: readonly Optimizer[] = Object.values(zoo).flatMap((factory) => {
  try {
    return [(factory as (options: object) => Optimizer)({ learningRate: 0.1, b1: 0.5 })];
  } catch {
    try {
      return [(factory as () => Optimizer)()];
    } catch {
      return [];
    }
  }
}).filter((opt) => opt?.program !== undefined);

const at = (name: string) => STAGES.findIndex((stage) => stage.name === name);
const nodesOf = ({ graph }: Draft) => postorder(rootsOf(graph));

Deno.test("the stages are these, in this order", () => {
  assertEquals(STAGES.map(({ name }) => name), [
    "elaborate",
    "specialise",
    "settle axes",
    "form powers",
    "lower",
    "plan",
  ]);
  assert(made.length > 50, `only ${made.length} optimizers were made`);
});

Deno.test("elaborate leaves symbols only of what a program declares", () => {
  for (const { opt, drafts } of made.map((opt) => staged(opt))) {
    const { hyper, state, inputs } = opt.program;
    const known = ["w", "g", "count", "rank", "rows", "columns", "size"];
    for (const { op, arg } of nodesOf(drafts[at("elaborate")])) {
      if (op !== "Symbol") continue;
      const name = arg as string;
      const isKnown = known.includes(name) || hyper.has(name) || state.has(name) ||
        inputs.has(name) || globalIndex(name) !== undefined;
      assert(isKnown, `${opt.program.name} has ${name}`);
    }
  }
});

Deno.test("specialise leaves nothing that is known for good", () => {
  for (const { opt, drafts, structural } of made.map((opt) => staged(opt))) {
    for (const { op, arg } of nodesOf(drafts[at("specialise")])) {
      const isLeft = op === "Symbol" && structural.has(arg as string);
      assert(!isLeft, `${opt.program.name} still reads ${arg}`);
    }
  }
});

Deno.test("settle axes leaves numbers only, some and not all", () => {
  for (const { opt, drafts, live } of made.map((opt) => staged(opt))) {
    const { graph } = drafts[at("settle axes")];
    // What no leaf keeps is not asked for either.
    const states = new Map([...graph.states].filter(([name]) => live.has(name)));
    for (const { op, arg } of postorder(rootsOf({ ...graph, states }))) {
      if (reduceRow(op) === undefined || !isAxes(arg as string)) continue;
      assert(["0", "1"].includes(arg as string), `${opt.program.name} reduces over ${arg}`);
    }
  }
});

Deno.test("lower leaves what a backend can spell", () => {
  for (const backend of ["js", "wasm"] as const) {
    for (const { opt, drafts } of made.map((opt) => staged(opt, backend))) {
      for (const { op } of nodesOf(drafts[at("lower")])) {
        const row = elementRow(op);
        if (row === undefined) continue;
        assert(row[backend] !== undefined, `${opt.program.name} has ${op} on ${backend}`);
      }
    }
  }
});

Deno.test("a loop reads nothing that was not left for it", () => {
  for (const { opt, drafts } of made.map((opt) => staged(opt))) {
    const plan = drafts[at("plan")].plan!;
    // What random numbers are drawn by is computed with the step's other numbers.
    const drawnBy = plan.random.flatMap(({ src }) => src);
    const known = new Set<Node>([...plan.scalars.map(({ node }) => node), ...drawnBy]);
    const isGiven = ({ op }: Node) => op === "Symbol" || op === "Const";
    plan.phases.forEach((phase, i) => {
      const before = new Set(known);
      for (const loop of phase) {
        const own = new Set(loop.nodes);
        for (const node of operandsOf(loop)) {
          assert(
            own.has(node) || before.has(node) || isGiven(node),
            `${opt.program.name}, phase ${i}: something is read before it is there`,
          );
        }
        for (const node of [...loop.kept, ...loop.stored]) before.add(node);
        for (const node of loop.stored) known.add(node);
        for (const { into } of loop.accumulations) {
          if ("cell" in into) known.add(plan.cells[into.cell].node);
        }
      }
      for (const { node } of plan.products[i]) known.add(node);
    });
  }
});

Deno.test("explain walks the stages, from the text to the code", () => {
  for (
    const opt of [lion({ learningRate: 1 }), adamw({ learningRate: 1 }), sm3({ learningRate: 1 })]
  ) {
    const { stages } = explain(opt);
    assertEquals(stages.map(({ name }) => name), ["parse", ...STAGES.map((s) => s.name), "render"]);
    assert(stages.every(({ text, invariant }) => text !== "" && invariant !== ""));
  }
  const text = String(explain(chain(clipByGlobalNorm({ maxNorm: 1 }), muon({ learningRate: 1 }))));
  for (const { name, invariant } of STAGES) assert(text.includes(`## ${name}\n${invariant}`));
});
