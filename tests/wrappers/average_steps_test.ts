/** Steps for several workers are those of one that has all examples, and federated averaging is such a step. */
import { adamw, averageSteps, chain, clipByGlobalNorm, schedule, sgd } from "../../mod.ts";
import { BACKENDS } from "../../runtime/backends/choose.ts";
import { assert, assertEquals } from "../assert.ts";

/** Numbers that differ. */
const numbers = (seed: number, length = 40) =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + i * i));

for (const backend of BACKENDS) {
  Deno.test(`gradients of several workers step as the one of all examples (${backend})`, () => {
    const inner = chain(
      clipByGlobalNorm({ maxNorm: 2 }),
      adamw({ learningRate: schedule("0.1/(count + 1)"), weightDecay: 0.1 }),
    );
    const [alone, joined] = [inner, averageSteps(inner, { workers: 3 })].map((each) =>
      each.with({ backend })
    );
    const [wanted, given] = [numbers(1), numbers(1)];
    const [whole, state] = [alone.init(wanted), joined.init(given)];
    const examples = [5, 0, 2];
    for (let step = 0; step < 4; step++) {
      const gradients = examples.map((_, worker) => numbers(10 * step + worker));
      const mean = wanted.map((_, i) =>
        gradients.reduce((sum, each, worker) => sum + each[i] * examples[worker], 0) / 7
      );
      gradients.forEach((each, worker) => {
        joined.step(given, each, state, { examples: examples[worker] });
        if (worker < 2) assertEquals(state.reported, worker + 1);
      });
      alone.step(wanted, mean, whole);
    }
    assertEquals([state.averagedStep, state.reported, state.seen], [4, 0, 0]);
    given.forEach((value, i) => assert(Math.abs(value - wanted[i]) < 1e-6, `${value}`));
  });
}

Deno.test("with sgd of rate 1, what workers came by is averaged", () => {
  const opt = averageSteps(sgd({ learningRate: 1 }), { workers: 2 });
  const server = Float32Array.of(1, -2);
  const state = opt.init(server);
  const before = server.slice();
  const reports = [[Float32Array.of(2, -2), 3], [Float32Array.of(-2, -6), 1]] as const;
  for (const [after, examples] of reports) {
    opt.step(server, before.map((value, i) => value - after[i]), state, { examples });
  }
  assertEquals(server, Float32Array.of(1, -3));
});
