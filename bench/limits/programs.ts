/**
 * Trains random programs of the search, of Gradus of any checkout, as often as a line asks: `programs.ts DIR`.
 * Times are of the processor, one thread.
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { serve } from "../peers/lines.ts";

type Search = typeof import("../../search/mod.ts");
type Programs = typeof import("../search/programs.ts");

const [directory] = Deno.args;
const at = (path: string) => import(pathToFileURL(`${directory}/${path}`).href);
const { analyse, Evaluator, quadraticProxy }: Search = await at("search/mod.ts");
const { paper, randomPrograms }: Programs = await at("bench/search/programs.ts");

/** A step trains so many programs, which are the same at every step. */
const PROGRAMS = 500;

await serve(`the search of ${directory} on Deno ${Deno.version.deno}`, async () => {
  const evaluator = await Evaluator.of(paper, quadraticProxy(2));
  const analyses = Array.from(randomPrograms(2 * PROGRAMS), (each) => analyse(paper, each));
  const distinct = [...new Map(analyses.map((each) => [each.key, each])).values()];
  const programs = distinct.slice(0, PROGRAMS);
  const train = () => programs.map((each) => evaluator.evaluate(each).scores[0] ?? 0);
  return {
    check: () => Float32Array.from(train(), (score) => Number.isFinite(score) ? score : 0),
    time(steps) {
      const before = process.cpuUsage();
      for (let k = 0; k < steps; k++) train();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    },
    close() {},
  };
});
