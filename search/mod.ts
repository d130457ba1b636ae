/**
 * Searches optimizers: programs as genomes that are mutated, executed abstractly, trained and selected.
 *
 * @example
 * ```ts
 * import { programOf, quadraticProxy, search, space } from "@gradus/gradus/search";
 * import { printProgram } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * for await (const event of search({ tasks: quadraticProxy(2), budget: { trained: 50 }, seed: 1 })) {
 *   if (event.type === "progress") assert(event.rate > 0);
 *   else assert(printProgram(programOf(space(), event.result.best!.genome)).step.includes("u = "));
 * }
 * ```
 *
 * @module
 */
export { analyse, type Analysis } from "./abstract.ts";
export { ancestry, type Individual, type Lineage } from "./archive.ts";
export type { ScoreCache } from "./cache.ts";
export { fileCheckpoint } from "./checkpoint.ts";
export { baselineSearches, type GridResult, handGrids } from "./baselines.ts";
export { type Evaluation, Evaluator, type Stop } from "./evaluate.ts";
export {
  type FunctionDocument,
  type Kind,
  paperFunctions,
  type SearchFunction,
} from "./functions.ts";
export { ADAMW, type Genome, type GenomeStatement, parseGenome, printGenome } from "./genome.ts";
export {
  constantsOnly,
  type Mutation,
  type Mutations,
  paperMutations,
  polish,
  repeat,
  wire,
} from "./mutate.ts";
export type {
  CheckpointStore,
  Counts,
  CurvePoint,
  SearchEvent,
  SearchOptions,
  SearchResult,
  Strategy,
} from "./options.ts";
export { Prober } from "./prober.ts";
export { quadraticProxy, quadraticsHeldOut } from "./proxies.ts";
export { type ProgramNotes, programOf } from "./program.ts";
export { htmlReport, type Report } from "./page/report.ts";
export { Random } from "./random.ts";
export { Funnel, larger, type Passed, type Stage } from "./funnel.ts";
export { search, searched } from "./search.ts";
export { type Space, space, type SpaceOptions } from "./space.ts";
export {
  type ClassifierData,
  type ClassifierTask,
  logSpectrum,
  type ModuleTask,
  type Problem,
  quadratic,
  type QuadraticOptions,
  type QuadraticTask,
  type Task,
  type TaskBase,
  type TraceTask,
} from "./tasks.ts";
export { type Resemblance, resemblance } from "./traces.ts";
export { tuneConstants, type TunedConstants, type TuneOptions } from "./tune_constants.ts";
