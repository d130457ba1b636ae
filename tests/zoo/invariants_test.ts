/** What every optimizer of the zoo promises, over random gradients. */
import {
  adam,
  applyUpdates,
  constantSchedule,
  lion,
  type Optimizer,
  signSgd,
  signum,
} from "../../mod.ts";
import { elaborate, rates, rootsOf } from "../../dsl/graph.ts";
import { type ElementOp, elementOps } from "../../dsl/ops.ts";
import { sizeHypers } from "../../runtime/plan/sizes.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertSameBits, type Compared } from "../runtime/same_bits.ts";
import { throughJson } from "../saved.ts";
import {
  gradients,
  inputs,
  MAKERS,
  type Options,
  type Precision,
  reached,
  type Run,
  run,
  tree,
} from "./every.ts";

/** The hyperparameters of `opt` that are numbers, without those that are 0 for good, or sizes. */
function numbersOf(opt: Optimizer): Record<string, number> {
  const sizes = sizeHypers(opt.program);
  return Object.fromEntries(
    [...opt.settings].map(([name, { value }]) => [name, value as number] as const)
      .filter(([name, value]) => typeof value === "number" && value !== 0 && !sizes.has(name)),
  );
}

/** Whether backends must make the same bits: what is done to elements has one meaning each. */
function isExact({ program }: Optimizer): boolean {
  const rate = rates(rootsOf(elaborate(program)), program);
  return [...rate].every(([{ op }, changes]) =>
    changes === "const" || changes === "step" ||
    ((elementOps as Readonly<Record<string, ElementOp>>)[op]?.ulp ?? 0) === 0
  );
}

for (const { name, make } of MAKERS) {
  Deno.test(`${name}: a constant schedule is its number, bit for bit, and may be written over by it`, () => {
    const opt = make();
    const numbers = numbersOf(opt);
    const schedules: Options = Object.fromEntries(
      Object.entries(numbers).map(([each, value]) => [each, constantSchedule({ value })]),
    );
    const scheduled = make(schedules);
    const expected = reached(run(opt));
    assertSameBits(reached(run(scheduled)), expected, "");
    const write = ({ params, state }: Run) => {
      Object.assign(state.hyper, numbers);
      return { params, state };
    };
    for (const each of [opt, scheduled]) {
      assertSameBits(reached(run(each, { meanwhile: write })), expected, "");
    }
  });

  Deno.test(`${name}: a run that is saved goes on as one that never stopped, bit for bit`, () => {
    const expected = reached(run(make()));
    for (const save of [structuredClone, throughJson]) {
      // Another of its kind goes on, which has seen none of it.
      let opt = make();
      const params = tree(1);
      let now = { params, state: opt.init(params) };
      for (let t = 0; t < 6; t++) {
        if (t % 2 === 1) [now, opt] = [save(now), make()];
        opt.step(now.params, gradients(t), now.state, inputs(opt, t));
      }
      assertSameBits(reached(now), expected, "");
    }
  });

  for (const precision of ["float32", "float64"] as const) {
    Deno.test(`${name}: each backend makes the same of it, in ${precision}`, () => {
      const opt = make();
      const expected = run(opt.with({ backend: "interpreter" }), { precision });
      const compared: Compared = { numbers: 0, finite: 0 };
      for (const backend of ["js", "wasm"] as const) {
        const actual = run(opt.with({ backend }), { precision });
        const isSame = isExact(opt) ? Object.is : near(precision);
        assertSameBits(reached(actual), reached(expected), backend, compared, isSame);
      }
      assert(compared.finite === compared.numbers, "all numbers are finite");
      const moved = expected.params.some(({ data }, i) =>
        data.some((value: number, k: number) => value !== tree(1, precision)[i].data[k])
      );
      assertEquals(moved, name !== "setToZero", "something moves, unless nothing should");
    });

    Deno.test(`${name}: a step adds what an update gives, in ${precision}`, () => {
      const opt = make();
      let params = tree(1, precision);
      let state = opt.init(params);
      for (let t = 0; t < 4; t++) {
        const [updates, next] = opt.update(
          gradients(t, precision),
          state,
          params,
          inputs(opt, t, precision),
        );
        params = applyUpdates(params, updates);
        state = next;
      }
      const stepped = run(opt, { precision, steps: 4 });
      // Adding 0 takes the sign of a zero.
      const isSame = (a: number, b: number) => a === b;
      assertSameBits(reached({ params, state }), reached(stepped), "", undefined, isSame);
    });
  }
}

/** Whether two numbers are as near as routines of some ulps leave them after some steps. */
function near(precision: Precision): (a: number, b: number) => boolean {
  const ulp = precision === "float32" ? 2 ** -23 : 2 ** -52;
  return (a, b) => Math.abs(a - b) <= 64 * ulp * Math.max(Math.abs(a), Math.abs(b), 1);
}

const SCALE_FREE: readonly Optimizer[] = [
  lion({ learningRate: 0.01, weightDecay: 0.1 }),
  signum({ learningRate: 0.01 }),
  signSgd({ learningRate: 0.01 }),
  adam({ learningRate: 0.01, eps: 0 }),
];

for (const opt of SCALE_FREE) {
  Deno.test(`${opt.program.name} moves alike whatever the power of two in gradients, bit for bit`, () => {
    const expected = run(opt, { steps: 10 }).params;
    for (const factor of [2 ** -12, 2, 2 ** 20]) {
      assertSameBits(run(opt, { steps: 10, factor }).params, expected, "");
    }
  });
}
