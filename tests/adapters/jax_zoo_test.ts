/** Whatever the library has steps inside jax-js as the interpreter defines it. */
import { numpy as np } from "@jax-js/jax";
import { toJax } from "../../adapters/jax/mod.ts";
import { type Optimizer, scheduleFreeSgd, type Tensor } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { RANDOM, wrapped, zooOptimizers } from "../export/everything.ts";
import { streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { assertRefused } from "../refused.ts";
import { farthest, plain, reference, stepped, type Stream, toArrays } from "./jax.ts";
import { randomPrograms } from "./random_programs.ts";

/** How far numbers may be off, of the largest in their array. */
const NEAR = 1e-5;
/** Those whose numbers of a step cancel, and so come to fewer digits in float32. */
const CANCELS: Readonly<Record<string, number>> = {
  fadam: 1e-4,
  momo: 1e-4,
  radam: 1e-4,
  scaleByRadam: 1e-4,
};

/** Those that read places along axes, which jax-js has no spelling for. */
const PLACED = ["dion2", "shampoo", "soap"];

/** Where an optimizer makes other steps in jax-js, if anywhere. */
function faultsOf(name: string, opt: Optimizer, isJitted: boolean): string[] {
  const stream: Stream = {
    params: () => streamParams("float32"),
    gradients: (t) => streamGradients("float32", t),
    inputs: (t) =>
      Object.fromEntries(
        [...opt.program.inputs].map(([input, kind]) => [
          input,
          kind === "scalar" ? streamValue(t) : streamGradients("float32", t + 1),
        ]),
      ),
    steps: 10,
  };
  const expected = reference(opt, stream);
  const far = stepped(opt, stream, isJitted).map((made, t) => farthest(made, expected[t]));
  const bad = far.findIndex(({ part }) => !(part <= (CANCELS[name] ?? NEAR)));
  return bad < 0 ? [] : [`${name}, step ${bad}: ${far[bad].place}`];
}

Deno.test("every optimizer makes ten steps in jax-js, each one graph", () => {
  const all = Object.entries({ ...zooOptimizers, ...wrapped });
  const faults = all.filter(([name]) => !RANDOM.includes(name) && !PLACED.includes(name))
    .flatMap(([name, make]) => faultsOf(name, make(), true));
  assertEquals(faults, []);
});

Deno.test("wrapped optimizers make the same steps in jax-js call by call", () => {
  const faults = Object.entries(wrapped).flatMap(([name, make]) => faultsOf(name, make(), false));
  assertEquals(faults, []);
});

Deno.test("1,000 random programs step in jax-js as they are interpreted", () => {
  const differing: string[] = [];
  let compared = 0;
  for (const rank of [0, 2]) {
    for (const { text, opt, stream } of randomPrograms(rank, 500, 1)) {
      const expected = reference(opt, stream);
      const made = stepped(opt, stream, true);
      compared++;
      const far = made.map((each, t) => farthest(each, expected[t]))
        .find(({ part }) => !(part <= NEAR));
      if (far !== undefined) differing.push(`${far.place} in ${text}`);
    }
  }
  assertEquals(compared, 1_000);
  // Quotients that would be whole, large angles, and what is 0 times a number that is none.
  assert(differing.length <= 20, `${differing.length} differ:\n${differing.join("\n")}`);
});

Deno.test("what reads places along axes is refused by name", () => {
  for (const name of PLACED) {
    assertRefused(
      () => faultsOf(name, zooOptimizers[name](), true),
      "jax-js has no spelling for `",
    );
  }
});

Deno.test("what draws random numbers is refused when it is made", () => {
  for (const name of RANDOM) {
    assertRefused(
      () => toJax(zooOptimizers[name](), np),
      "one of jax-js: no operation of jax-js draws the random numbers of `normal(",
      "step by Gradus itself, with `fromJaxTree` and `toJaxTree`",
    );
  }
});

Deno.test("what to evaluate with is the average in jax-js too", () => {
  const opt = scheduleFreeSgd({ learningRate: 0.5, b1: 0.5 });
  const jax = toJax(opt, np);
  const w = { a: Float32Array.of(4, -1) };
  const [state, gradients] = [opt.init(w), { a: Float32Array.of(1, 0.25) }];
  let [theirs, theirState] = [toArrays(w), jax.init(toArrays(w))];
  for (let t = 0; t < 3; t++) {
    opt.step(w, gradients, state);
    const [updates, next] = jax.update(toArrays(gradients), theirState, { a: theirs.a.ref });
    [theirs, theirState] = [{ a: theirs.a.add(updates.a) }, next];
  }
  const made = plain(jax.evaluationParams(theirs, theirState)) as { a: Tensor };
  const expected = opt.evaluationParams(w, state).a;
  made.a.data.forEach((x, i) => assert(Math.abs(x - expected[i]) < 1e-6, `${x}`));
});
