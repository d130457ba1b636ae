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
export { analyse, type Analysis } from "./analysis/structure.ts";
export { type ProgramNotes, programOf } from "./analysis/to_program.ts";
export { ancestry, type Individual, type Lineage } from "./evolve/archive.ts";
export {
  baselineSearches,
  type GridResult,
  handGrids,
  RIVAL_STATES,
  RIVALS,
  rivalSearches,
} from "./evolve/baselines.ts";
export { type LocalOptions, localScorer } from "./evolve/local_scorer.ts";
export type { Batch, Candidate, Scorer, Setting } from "./evolve/scorer.ts";
export type { ScoreCache } from "./evolve/score_cache.ts";
export { fileCheckpoint } from "./evolve/file_checkpoint.ts";
export { Funnel, type Passed, rankCorrelations, type Stage } from "./evolve/funnel.ts";
export { type RankCorrelation, rankCorrelation } from "./evolve/ranks.ts";
export type {
  CheckpointStore,
  Counts,
  CurvePoint,
  SearchEvent,
  SearchOptions,
  SearchResult,
  Strategy,
  Survival,
} from "./evolve/options.ts";
export { search, searched } from "./evolve/search.ts";
export { tuneConstants, type TunedConstants, type TuneOptions } from "./evolve/tuning.ts";
export { Prober } from "./machine/replay.ts";
export { sweepPage } from "./page/sweep.ts";
export type { LibraryOptions } from "./repair/options.ts";
export { average, type AverageOptions } from "./repair/average.ts";
export { repair, type RepairOptions } from "./repair/repair.ts";
export { htmlReport, type Report } from "./page/report.ts";
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
export { round, scale } from "./programs/constants.ts";
export { Random } from "./programs/random.ts";
export type {
  SweepMethod,
  SweepOptions,
  SweepResult,
  SweepRun,
  SweepRuns,
  SweepTrial,
  Swept,
  SweptOptimizer,
} from "./sweep/options.ts";
export { sweep } from "./sweep/sweep.ts";
export { type Space, space, type SpaceOptions } from "./programs/space.ts";
export type { Shape } from "./trials/train.ts";
export type { OptionValue, Trial } from "./trials/trial.ts";
export type { ClassifierData, ClassifierTask, Examples } from "./tasks/classifier.ts";
export { type Evaluation, Evaluator, type Stop, type Task } from "./tasks/evaluator.ts";
export type { ModuleTask, Problem } from "./tasks/problem_pack.ts";
export { larger } from "./tasks/larger.ts";
export { proxy, proxyNames, type ProxyOptions, type ProxyTask } from "./tasks/proxies.ts";
export type { Rescaling } from "./tasks/rescaling.ts";
export {
  logSpectrum,
  quadratic,
  type QuadraticOptions,
  quadraticProxy,
  quadraticsHeldOut,
  type QuadraticTask,
} from "./tasks/quadratic.ts";
export type { TaskBase } from "./tasks/common.ts";
export { type Resemblance, resemblance, type TraceTask } from "./tasks/trace.ts";
