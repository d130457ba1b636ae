/** Training that was saved and loaded goes on bit for bit as if it had never stopped. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  freeze,
  lion,
  lookahead,
  masked,
  multiSteps,
  muon,
  type Optimizer,
  optimizer,
  partition,
  resident,
  schedule,
  scheduleFree,
  scheduleFreeAdamw,
  sgd,
  type State,
  warmupCosineDecaySchedule,
} from "../../../mod.ts";
import { load, type LoadOptions, save, saveStream } from "../../../export/safetensors/mod.ts";
import { store } from "../../../runtime/trees/dtype.ts";
import { isResident } from "../../../runtime/trees/placement.ts";
import { assert, assertEquals } from "../../assert.ts";
import { ofRanks, ofSides } from "../../cases/programs.ts";
import { contents } from "../../refused.ts";
import { randomArray } from "../../runtime/random.ts";
import { MAKERS, reached, type Run, run as goOn } from "../../zoo/every.ts";

type Kind = "float32" | "float64" | "bfloat16" | "float16";

/** A tree with a list, keys that are hard to spell, and leaves that are bare arrays and tensors. */
function treeOf(seed: number, kind: Kind = "float32") {
  const numbers = (size: number, part: number) => randomArray(size, 10 * seed + part);
  const tensor = (size: number, part: number, shape: number[]) => {
    const from = numbers(size, part);
    if (kind === "float32") return { data: from, shape };
    if (kind === "float64") return { data: new Float64Array(from), shape };
    const data = new Uint16Array(size);
    from.forEach((x, i) => store(kind, data, i, x));
    return { data, shape, dtype: kind };
  };
  return {
    z: [{ "a/b": numbers(5, 1), "a~1b": tensor(6, 2, [2, 3]) }],
    ["__proto__"]: { "": tensor(4, 3, [4]) },
    a: [numbers(3, 4)],
    none: {},
  };
}

const learningRate = warmupCosineDecaySchedule({
  ...{ initValue: 0, peakValue: 0.05, warmupSteps: 3, decaySteps: 12 },
});
const parts = { z: "body", ["__proto__"]: "head", a: "rest", none: "rest" } as const;
const short = { dtype: "bfloat16", rounding: "stochastic", seed: 3 } as const;
const counting = optimizer({
  name: "counting",
  hyper: { learningRate: 0.1 },
  state: { n: { over: "tree" }, v: { over: "tensor" }, r: { over: 0 }, z: "w" },
  step: `
    n = 0.9*n + globalNorm(g)
    v = v + mean(g^2)
    r = 0.5*r + mean(g^2, axis=0)
    z = z - learningRate*g/(n + sqrt(r))
    u = (z - w)/(1 + v)
  `,
});

const cases: readonly [name: string, make: () => Optimizer, kind?: Kind][] = [
  ["states of their own shapes", () => ofSides({})],
  ["states of their own shapes, in bfloat16", () => ofSides({}), "bfloat16"],
  ["states of ranks, of micro-batches", () => multiSteps(ofRanks({}), { everyKSchedule: 2 })],
  ["AdamW with schedules and trees of numbers", () =>
    adamw({
      learningRate: { z: learningRate, ["__proto__"]: 0.01, a: [schedule("0.1/t")], none: {} },
      weightDecay: schedule("0.01*0.9^count"),
      b1: 0.8,
      mask: { z: true, ["__proto__"]: false, a: true, none: true },
    })],
  [
    "a mask that is a function",
    () => adamw({ learningRate, mask: ((params: object) => mapped(params)) as never }),
  ],
  ["a chain with a clip", () => chain(clipByGlobalNorm({ maxNorm: 0.5 }), adamw({ learningRate }))],
  [
    "accumulated gradients",
    () => multiSteps(adamw({ learningRate }), { everyKSchedule: 3 }),
  ],
  [
    "a partition",
    () =>
      partition({
        body: muon({ learningRate: 0.02 }),
        head: masked(lion({ learningRate: 0.01 }), true),
        rest: freeze(true),
      }, parts),
  ],
  ["a schedule-free optimizer", () => scheduleFreeAdamw({ learningRate: 0.1, warmupSteps: 2 })],
  ["a schedule-free wrapper", () => scheduleFree(sgd({ learningRate }), { learningRate: 0.1 })],
  ["lookahead", () => lookahead(adamw({ learningRate }), { syncPeriod: 3, slowStepSize: 0.5 })],
  ["states stored short and rounded stochastically", () => adamw({ learningRate, muDtype: short })],
  ["states of 24 bits", () => adamw({ learningRate, muDtype: "bfloat16+8" })],
  ["states over the tree, a tensor and an axis", () => counting()],
  ["bfloat16 parameters", () => adamw({ learningRate }), "bfloat16"],
  ["float16 parameters", () => lion({ learningRate, muDtype: "float16" }), "float16"],
  ["float64 parameters", () => adamw({ learningRate }), "float64"],
  ["float64 parameters and states of a tree", () => counting(), "float64"],
];

function mapped(params: object): boolean {
  return Object.keys(params).length === 4;
}

/** Ten steps; in their middle `interrupt` gives what goes on. */
async function run(
  make: () => Optimizer,
  kind: Kind | undefined,
  interrupt: (run: { optimizer: Optimizer; params: object; state: State }) => Promise<
    { optimizer: Optimizer; params: object; state: State }
  >,
  place: <T extends object>(tree: T) => T = (tree) => tree,
): Promise<string> {
  const optimizer = make();
  const params = place(treeOf(0, kind));
  let run = { optimizer, params: params as object, state: optimizer.init(params) };
  for (let step = 0; step < 10; step++) {
    if (step === 2) run.state.hyper.weightDecay = 0.03125;
    if (step === 2 && !run.optimizer.program.hyper.has("weightDecay")) {
      delete run.state.hyper.weightDecay;
    }
    if (step === 5) run = await interrupt(run);
    run.optimizer.step(run.params, treeOf(step + 1, kind), run.state);
  }
  return contents([run.params, run.state]);
}

for (const [name, make, kind] of cases) {
  Deno.test(`${name}: what was saved goes on bit for bit`, async () => {
    const never = await run(make, kind, (run) => Promise.resolve(run));
    const by = (options: (run: { optimizer: Optimizer; params: object }) => LoadOptions) =>
      run(make, kind, (run) => {
        const before = contents(run.state);
        const loaded = load(save(run), options(run));
        assertEquals(contents(loaded.state), before);
        assertEquals([loaded.started, loaded.leftover], [[], []]);
        return Promise.resolve(loaded);
      });
    assertEquals(await by(() => ({})), never);
    assertEquals(await by(({ params }) => ({ optimizer: make(), params })), never);
  });
}

Deno.test("resident trees are saved, loaded and go on as resident ones", async () => {
  const [, make] = cases[0];
  const never = await run(make, undefined, (run) => Promise.resolve(run), resident);
  const resumed = await run(make, undefined, (run) => {
    const loaded = load(save(run), { resident: true });
    assert(isResident(loaded.params) && isResident(loaded.state));
    const like = load(save(run), { params: run.params });
    assert(isResident(like.params));
    return Promise.resolve(loaded);
  }, resident);
  assertEquals(resumed, never);
});

Deno.test("a stream of a checkpoint has its bytes, and may be of trees that are elsewhere", async () => {
  const optimizer = adamw({ learningRate });
  const params = treeOf(0);
  const state = optimizer.init(params);
  optimizer.step(params, treeOf(1), state);
  const bytes = save({ optimizer, params, state });
  assertEquals(await new Response(saveStream({ optimizer, params, state })).bytes(), bytes);
  const elsewhere = [{ params: 1 }, { state: 2 }];
  const from = {
    download: (tree: object) => Promise.resolve(tree === elsewhere[0] ? params : state),
  };
  const stream = saveStream({
    ...{ optimizer, params: elsewhere[0], state: elsewhere[1] as never, from },
  });
  assertEquals(await new Response(stream).bytes(), bytes);
});

Deno.test("every optimizer of the zoo goes on from a file bit for bit", () => {
  for (const { name, make } of MAKERS) {
    const through = ({ params, state }: Run): Run => {
      const loaded = load(save({ optimizer: make(), params, state }));
      return { params: loaded.params as Run["params"], state: loaded.state };
    };
    const meanwhile = (now: Run, t: number) => t === 2 ? through(now) : now;
    const [never, once] = [{}, { meanwhile }].map((options) =>
      contents(reached(goOn(make(), { steps: 4, ...options })))
    );
    assertEquals(once, never, name);
  }
});
