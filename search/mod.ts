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
export { analyse, type Analysis } from "./analysis/analyse.ts";
export { ancestry, type Individual, type Lineage } from "./evolve/archive.ts";
export type { ScoreCache } from "./evolve/cache.ts";
export { fileCheckpoint } from "./evolve/checkpoint.ts";
export { baselineSearches, type GridResult, handGrids } from "./evolve/baselines.ts";
export { type Evaluation, Evaluator, type Stop } from "./tasks/evaluator.ts";
export {
  type FunctionDocument,
  type Kind,
  paperFunctions,
  type SearchFunction,
} from "./programs/functions.ts";
export {
  ADAMW,
  type Genome,
  type GenomeStatement,
  parseGenome,
  printGenome,
} from "./programs/genome.ts";
export {
  constantsOnly,
  type Mutation,
  type Mutations,
  paperMutations,
  polish,
  repeat,
  wire,
} from "./programs/mutations.ts";
export type {
  CheckpointStore,
  Counts,
  CurvePoint,
  SearchEvent,
  SearchOptions,
  SearchResult,
  Strategy,
} from "./evolve/options.ts";
export { Prober } from "./machine/fingerprint.ts";
export { quadraticProxy, quadraticsHeldOut } from "./tasks/quadratic.ts";
export { type ProgramNotes, programOf } from "./analysis/to_program.ts";
export { htmlReport, type Report } from "./page/report.ts";
export { Random } from "./programs/random.ts";
export { Funnel, larger, type Passed, type Stage } from "./evolve/funnel.ts";
export { search, searched } from "./evolve/search.ts";
export { type Space, space, type SpaceOptions } from "./programs/space.ts";
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
} from "./tasks/task.ts";
export { type Resemblance, resemblance } from "./tasks/trace.ts";
export { tuneConstants, type TunedConstants, type TuneOptions } from "./evolve/tune_constants.ts";
