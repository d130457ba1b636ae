/**
 * What `cold.ts` runs in a process of its own: prints the times until the first steps as JSON, by a backend of this
 * checkout or of another: `cold_start.ts BACKEND [DIR]`.
 */
import { pathToFileURL } from "node:url";
import type { Backend, HyperValue, Optimizer } from "@gradus/gradus";

const TEXT = `{
  "name": "adamw",
  "hyper": {
    "learningRate": "required",
    "b1": 0.9,
    "b2": 0.999,
    "eps": 1e-8,
    "weightDecay": 1e-4
  },
  "state": { "m": 0, "v": 0 },
  "step": "m = b1*m + (1 - b1)*g\\nv = b2*v + (1 - b2)*g^2\\nmhat = m/(1 - b1^t)\\nvhat = v/(1 - b2^t)\\nu = -learningRate*(mhat/(sqrt(vhat) + eps) + weightDecay*w)"
}`;

const [params, gradients] = [new Float32Array(1000).fill(1), new Float32Array(1000).fill(0.5)];
const backend = Deno.args[0] as Backend;
const library = Deno.args.length > 1
  ? pathToFileURL(`${Deno.args[1]}/mod.ts`).href
  : "@gradus/gradus";

const began = performance.now();
const { factory, parseJson }: typeof import("@gradus/gradus") = await import(library);
const load = performance.now() - began;

const adamw = () => factory<{ learningRate: HyperValue }>(parseJson(TEXT));
const first = timed(() => adamw()({ learningRate: 1e-3 }));
const again = timed(() => adamw()({ learningRate: 2e-3 }));
const known = adamw();
const second = timed(() => known({ learningRate: 3e-3 }));
console.log(JSON.stringify({ load, first, again, second }));

/** Milliseconds from making an optimizer to the end of its first step. */
function timed(make: () => Optimizer): number {
  const start = performance.now();
  const opt = make().with({ backend });
  opt.step(params, gradients, opt.init(params));
  return performance.now() - start;
}
