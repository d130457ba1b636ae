/** The transforms of the Adam family are its optimizers' directions, with the sign of the gradient. */
import {
  acprop,
  adabelief,
  adam,
  adamax,
  adan,
  ademamix,
  adopt,
  amsgrad,
  type Optimizer,
  radam,
  scaleByAcprop,
  scaleByAdam,
  scaleByAdamax,
  scaleByAdan,
  scaleByAdemamix,
  scaleByAdopt,
  scaleByAmsgrad,
  scaleByBelief,
  scaleByRadam,
  scaleBySimplifiedAdemamix,
  scaleByYogi,
  simplifiedAdemamix,
  yogi,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { replayStream } from "../golden/replay.ts";

const learningRate = 1;
const OF: readonly (readonly [Optimizer, Optimizer])[] = [
  [scaleByAcprop(), acprop({ learningRate })],
  [scaleByAdam(), adam({ learningRate })],
  [scaleByAdam({ nesterov: true, b1: 0.8 }), adam({ learningRate, nesterov: true, b1: 0.8 })],
  [scaleByAdamax(), adamax({ learningRate })],
  [scaleByAdan({ epsRoot: 1e-8 }), adan({ learningRate })],
  [scaleByAdemamix({ alpha: 5 }), ademamix({ learningRate })],
  [scaleByAdopt(), adopt({ learningRate })],
  [scaleByAmsgrad(), amsgrad({ learningRate })],
  [scaleByBelief(), adabelief({ learningRate })],
  [scaleByRadam(), radam({ learningRate })],
  [scaleBySimplifiedAdemamix({ alpha: 2 }), simplifiedAdemamix({ learningRate, alpha: 2 })],
  [scaleByYogi(), yogi({ learningRate })],
];

for (const [transform, optimizer] of OF) {
  const { name, hyper } = transform.program;
  Deno.test(`${name} gives the direction of ${optimizer.program.name}, unflipped`, () => {
    assert(!hyper.has("learningRate") && !hyper.has("weightDecay"));
    const directions = replayStream(transform, "float32", "update");
    const updates = replayStream(optimizer, "float32", "update");
    directions.forEach((step, t) =>
      Object.entries(step.updates!).forEach(([leaf, numbers]) =>
        // A difference from 0 has no sign of zero.
        assertEquals(numbers.map((u) => 0 - u), updates[t].updates![leaf].map((u) => u + 0))
      )
    );
  });
}
