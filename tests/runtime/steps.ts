/**
 * Steps some optimizers and prints what comes of it, bit for bit: run by a test in a process that
 * forbids making code from text, and imported by it for what a free process gives.
 */
import { adamw, chain, clipByGlobalNorm, factory, lion, parseProgram } from "../../mod.ts";
import { isCodeForbidden } from "../../runtime/backends/js/kernel.ts";
import { contents } from "../refused.ts";
import { randomArray } from "./random.ts";

/** What a process says of itself and of its steps. */
export interface Report {
  readonly isCodeForbidden: boolean;
  readonly results: readonly string[];
}

/** Takes the steps. */
export function report(): Report {
  const optimizers = [
    lion({ learningRate: 0.01, muDtype: "bfloat16" }),
    chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: (count) => 0.1 / (1 + count) })),
    factory(parseProgram({
      name: "sketch",
      state: { r: { over: -1 } },
      step: "r = 0.5*r + mean(g^2, axis=-1)\nu = -0.01*g/(1 + sqrt(r))",
    }))(),
    factory(parseProgram({
      name: "product",
      step: "u = -0.1*where(rank == 2, g@transpose(w)@g, g)",
    }))(),
  ];
  const ways = optimizers.flatMap((opt) => [opt, opt.with({ backend: "js" })]);
  const results = ways.map((opt) => {
    const params = {
      a: randomArray(9, 1),
      b: { data: new Float64Array(randomArray(6, 2)), shape: [2, 3] },
    };
    const state = opt.init(params);
    for (let step = 0; step < 3; step++) {
      const gradients = {
        a: randomArray(9, 10 + step),
        b: { data: new Float64Array(randomArray(6, 20 + step)), shape: [2, 3] },
      };
      opt.step(params, gradients, state);
    }
    return contents([params, state]);
  });
  return { isCodeForbidden: isCodeForbidden(), results };
}

if (import.meta.main) console.log(JSON.stringify(report()));
