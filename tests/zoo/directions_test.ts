/** What scales by an optimizer's rule is its direction, with the sign of the gradient. */
import {
  adadelta,
  adagrad,
  cocob,
  lion,
  madgrad,
  optimisticGradientDescent,
  type Optimizer,
  printProgram,
  rmsprop,
  rprop,
  scaleByAdadelta,
  scaleByCocob,
  scaleByLion,
  scaleByMadgrad,
  scaleByOptimisticGradient,
  scaleByRms,
  scaleByRprop,
  scaleByRss,
  scaleBySign,
  scaleByStddev,
  signSgd,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { replayStream } from "../golden/replay.ts";

const learningRate = 1;
const FLIPPED: readonly (readonly [Optimizer, Optimizer])[] = [
  [scaleByAdadelta({ rho: 0.5 }), adadelta({ rho: 0.5 })],
  [scaleByLion({ b1: 0.5 }), lion({ learningRate, b1: 0.5, weightDecay: 0 })],
  [scaleByOptimisticGradient({ alpha: 2 }), optimisticGradientDescent({ learningRate, alpha: 2 })],
  [scaleByRms({ decay: 0.5 }), rmsprop({ learningRate, decay: 0.5 })],
  [scaleByRprop({ learningRate }), rprop({ learningRate })],
  [scaleByRss({ eps: 0.1 }), adagrad({ learningRate, eps: 0.1 })],
  [scaleBySign(), signSgd({ learningRate })],
  [scaleByStddev({ initialScale: 1 }), rmsprop({ learningRate, initialScale: 1, centered: true })],
];
/** Their rules know which way is down. */
const KEPT: readonly (readonly [Optimizer, Optimizer])[] = [
  [scaleByCocob({ alpha: 2 }), cocob({ alpha: 2 })],
  [scaleByMadgrad({ learningRate }), madgrad({ learningRate })],
];

for (const [pairs, sign] of [[FLIPPED, -1], [KEPT, 1]] as const) {
  for (const [scale, optimizer] of pairs) {
    const { name } = optimizer.program;
    Deno.test(`${scale.program.name} gives the direction of ${name}`, () => {
      // On the parameters of the optimizer, since some read them.
      const gradients = Float32Array.of(1, -2, 0, 0.5);
      const x = Float32Array.of(3, 0, -1, 1);
      let [state, other] = [scale.init(x), optimizer.init(x)];
      for (let step = 1; step < 4; step++) {
        const given = gradients.map((g, i) => i === step ? -g : g);
        const [directions, next] = scale.update(given, state, x);
        const [updates, after] = optimizer.update(given, other, x);
        [state, other] = [next, after];
        // 0 takes away the sign of a zero.
        assertEquals(directions.map((u) => u + 0), updates.map((u) => sign * u + 0));
        updates.forEach((u, i) => x[i] += u);
      }
    });
  }
}

Deno.test("what is fixed for good leaves no copies behind", () => {
  assertEquals(printProgram(scaleByRms.program).step.split("\n").at(-1), "u = d");
  assertEquals(
    printProgram(scaleByAdadelta.program).step.split("\n")[0],
    "v = rho*v + (1 - rho)*g^2",
  );
  assertEquals(replayStream(scaleBySign(), "float32", "update")[0].updates!.b, [1, -1, -0, -1]);
});
