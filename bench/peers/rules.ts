/** The optimizers of each rule, by Gradus of any checkout. */
import { pathToFileURL } from "node:url";
import type { Optimizer } from "@gradus/gradus";

/** What a checkout gives to those who import it. */
export type Gradus = typeof import("@gradus/gradus");

/** Imports the Gradus of a checkout. */
export async function gradusOf(directory: string): Promise<Gradus> {
  return await import(pathToFileURL(`${directory}/mod.ts`).href);
}

/** The optimizer of a rule, which takes the rule's numbers by their names; undefined where there is none. */
export function optimizerOf(
  gradus: Gradus,
  rule: string,
  numbers: Readonly<Record<string, number>>,
): Optimizer | undefined {
  const factories: Readonly<Record<string, (numbers: never) => Optimizer>> = {
    lion: gradus.lion,
    adamw: gradus.adamw,
    sgd: gradus.sgd,
    clip: ({ maxNorm, ...adamw }: { maxNorm: number; learningRate: number }) =>
      gradus.chain(gradus.clipByGlobalNorm({ maxNorm }), gradus.adamw(adamw)),
    adafactor: gradus.adafactor,
    lion16: (numbers: { learningRate: number }) => gradus.lion({ ...numbers, muDtype: "bfloat16" }),
    muon: gradus.muon,
  };
  return Object.hasOwn(factories, rule) ? factories[rule](numbers as never) : undefined;
}
