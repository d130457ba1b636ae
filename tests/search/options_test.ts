/** Options of searches: what there is not is refused by name, and what is no value of it by what it must be. */
import { assertRejects, assertStringIncludes, assertThrows } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  ADAMW,
  average,
  Evaluator,
  fileCheckpoint,
  localScorer,
  type ModuleTask,
  parseGenome,
  proxy,
  quadratic,
  Random,
  repair,
  searched,
  space,
  sweep,
  type Task,
  tuneConstants,
} from "../../search/mod.ts";
import { derive, equivalent, measureEffect } from "../../search/derive/mod.ts";
import { natsCheckpoint, natsScorer, serveNats } from "../../search/nats/mod.ts";
import { lion } from "../../mod.ts";

const tasks: Task[] = [quadratic({ size: 8, steps: 2 })];
const budget = { trained: 1 };
const rule = ADAMW;
const trace = { kind: "trace", name: "t", rule, size: 4, steps: 2, seeds: [1] } as const;
const module: ModuleTask = {
  ...{ kind: "module", name: "m", url: "file:///m.ts", options: {}, steps: 2, seeds: [1] },
};
const servers = "nats://127.0.0.1:9";
const swept = { optimizers: { lion: { learningRate: 1 } }, tasks: ["quadratics"] };
const own = lion.program;

/** What is done with options that no type admits, and what must be said. */
const REFUSED: readonly (readonly [say: string, run: (given: never) => unknown, given: object])[] =
  [
    ["`task`; did you mean `tasks`?", repair, { task: tasks }],
    ["`tasks` must be a list of tasks: given", repair, { tasks: [null] }],
    ["`constants` must be a list of finite numbers", repair, { constants: [NaN] }],
    ["`size` must be a whole number from 1 to 16: given 0", repair, { size: 0 }],
    ["`decay`; did you mean `decays`?", average, { decay: [0.9] }],
    ["`decays` must be numbers above 0 and below 1", average, { decays: ["0.9"] }],
    [
      "no function `sine` that works on each element; did you mean `sin`?",
      (given) => repair(given)(space(), parseGenome(space(), ADAMW), new Random(1, 0, 0)),
      {
        functions: ["sine"],
      },
    ],
    ["`tasks` must be a list of at least one task, such as", searched, { tasks: [null], budget }],
    ["`heldOut` must be a list of tasks", searched, { tasks, budget, heldOut: ["zipf@1"] }],
    ["must give an object with a number `score`", searched, {
      tasks,
      budget,
      scorer: { score: () => Promise.resolve([{ score: NaN, scores: [] }]) },
    }],
    ["for each of 1: given an array of 0", searched, {
      tasks,
      budget,
      scorer: { score: () => Promise.resolve([]) },
    }],
    ["a proxy must be a name: given 3", () => proxy(3 as never), {}],
    ["its path must be a text that is not empty", () => fileCheckpoint(""), {}],
    ["`wrokers`; did you mean `workers`?", localScorer, { wrokers: 2 }],
    ["`workers` must be a whole number from 0 to", localScorer, { workers: -1 }],
    ["`patience` must be milliseconds above 0", localScorer, { patience: NaN }],
    ["`memory` must be above 0: given 0", localScorer, { memory: 0 }],
    ["`rate`; did you mean `rates`?", (given) => proxy("zipf@1", given), { rate: 4 }],
    ["no option `size`", (given) => proxy("blocks@1", given), { size: 8 }],
    ["`conditoin`; did you mean `condition`?", quadratic, { conditoin: 5 }],
    ["`noise` must be such as", quadratic, { noise: { degrees: 0 } }],
    ["`state`; did you mean `states`?", space, { state: ["m"] }],
    ["`longest` must be a whole number", space, { longest: "9" }],
    ["`comutes`", space, { functions: { f: { takes: ["x"], gives: "x", comutes: true } } }],
    ["`cach`; did you mean `cache`?", searched, { tasks, budget, cach: 1 }],
    ["`budget.traned`; did you mean `budget.trained`?", searched, { tasks, budget: { traned: 1 } }],
    ["`evaluation`; did you mean", (given) => tuneConstants(ADAMW, given), {
      tasks,
      evaluation: 1,
    }],
    ["`chekpoint`; did you mean `checkpoint`?", sweep, { ...swept, chekpoint: "x" }],
    ["`scorer` must be what scores", sweep, { ...swept, scorer: 5 }],
    ["`sizes`; did you mean `size`?", natsScorer, { servers, sizes: 5 }],
    ["`size` must be a whole number from 1 to 1024", natsScorer, { servers, size: 0 }],
    ["`server`; did you mean `servers`?", natsScorer, { server: servers }],
    ["`tls.cafle`; did you mean `tls.caFile`?", natsScorer, { servers, tls: { cafle: "x" } }],
    ["`tls.certFile` and `tls.keyFile` belong together", natsScorer, {
      servers,
      tls: { keyFile: "x" },
    }],
    ["`user` (NATS_USER) and `token` (NATS_TOKEN)", natsScorer, { servers, user: "a", token: "b" }],
    ["`pass` is of a `user`", natsScorer, { servers, pass: "a" }],
    ["`name` must be letters, digits", natsScorer, { servers, name: "a.b" }],
    ["`module`; did you mean `modules`?", serveNats, { servers, module: ["x"] }],
    ["`signal` must be an AbortSignal", serveNats, { servers, signal: true }],
    ["`runs`; did you mean `run`?", natsCheckpoint, { servers, runs: "x" }],
    ["`step`; did you mean `steps`?", (given) => equivalent(own, own, given), { step: 5 }],
    ["`tolerence`; did you mean `tolerance`?", (given) => derive(own, given), { tolerence: 0 }],
    ["`sead`; did you mean `seed`?", (given) => measureEffect(own, own, given), { sead: 0 }],
    ...([
      ["`spasity`; did you mean `sparsity`?", { ...trace, spasity: 1 }],
      ["`rates` must be left out", { ...trace, rates: 2 }],
      ["must be finite, and not all 0: given -Infinity at step 1", {
        ...trace,
        rule: "a = exp(100)\nupdate = mul(g, a)",
      }],
      ["must be finite, and not all 0: given 0 at every", { ...trace, rule: "update = mul(g, 0)" }],
      ["`scale` must be", { ...trace, scale: "fre" }],
      ["`step`; did you mean `steps`?", { ...module, step: 1 }],
      ["`seeds` must be whole numbers", { ...module, seeds: [] }],
      ['its `kind` must be quadratic, classifier, trace, module, proxy: given "trac"', {
        kind: "trac",
      }],
      ["`factor` must be from 1 to 1000", { ...proxy("zipf@1"), factor: NaN }],
      ["there is no proxy `zipf@2`", { ...proxy("zipf@1"), proxy: "zipf@2" }],
      ["must have 8 eigenvalues: given 1", { ...quadratic({ size: 8 }), spectrum: [1] }],
      ["`data` must be", {
        kind: "classifier",
        name: "c",
        hidden: [],
        batch: 1,
        steps: 1,
        seeds: [1],
        data: {},
      }],
    ] as const).map(([say, task]) =>
      [say, (given: never) => Evaluator.of(space(), [given]), task] as const
    ),
  ];

Deno.test("options that there are not are refused by name, with the nearest", async () => {
  for (const [say, run, given] of REFUSED) {
    const fails = async () => await run(given as never);
    const { message } = await assertRejects(fails, GradusError, "Cannot ", say);
    assertStringIncludes(message, say);
  }
  for (const given of [null, 5, [], "workers"]) {
    assertThrows(() => localScorer(given as never), GradusError, "its options must be an object");
  }
});
