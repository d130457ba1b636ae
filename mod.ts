/**
 * Gradus: an optimizer is a symbolic step program. The few lines of mathematics that define it are
 * checked, printed as LaTeX, run as a fused kernel and exported as an ONNX update graph.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lion({ learningRate: 0.25, weightDecay: 0 });
 * const params = { weight: Float32Array.of(1, -1) };
 * const state = opt.init(params);
 * opt.step(params, { weight: Float32Array.of(2, -2) }, state);
 * assertEquals(params.weight, Float32Array.of(0.75, -0.75));
 * ```
 *
 * @module
 */
export { GradusError } from "./dsl/errors.ts";
export { parseJson, printJson } from "./dsl/json.ts";
export { latex, type LatexOptions } from "./dsl/latex.ts";
export type {
  ElementOpName,
  MatrixOpName,
  Node,
  Over,
  RandomOpName,
  ReduceOpName,
} from "./dsl/node.ts";
export {
  type Document,
  type HyperDocument,
  type InputKind,
  type Program,
  required,
  type StateDeclaration,
  type StateDocument,
  type Statement,
  type StateOver,
} from "./dsl/program.ts";
export type { Domain } from "./dsl/domain.ts";
export { parseProgram } from "./dsl/check.ts";
export { printProgram } from "./dsl/print.ts";
export type { AxisDocument, AxisName } from "./dsl/axes.ts";
export * from "./dsl/schedules/mod.ts";
export type { FixedNotes } from "./dsl/fix.ts";
export { chain, namedChain } from "./runtime/chain.ts";
export type { ChainedStates, LabelledHyper, LabelledStates } from "./runtime/chain.ts";
export { factory, fixed, optimizer } from "./runtime/define.ts";
export type {
  DefaultOf,
  HyperOf,
  MaskOption,
  MuDTypeOption,
  OptimizerFactory,
  OptionsOf,
  StateKindsOf,
  StateOf,
} from "./runtime/define.ts";
export type {
  HyperNumbers,
  HyperTree,
  HyperValue,
  Mask,
  MaskTree,
  MatricesOption,
  PerLeaf,
  Prefix,
  Setting,
} from "./runtime/trees/hyperparameters.ts";
export type { LeafPattern, Match, MatchedLeaf } from "./runtime/trees/match.ts";
export type { DimensionNumbers, Matrices } from "./runtime/trees/view.ts";
export type { ExplainedLeaf } from "./runtime/explained_leaves.ts";
export { explain, type ExplainedStage, type Explanation } from "./runtime/explain.ts";
export type { Machine, Prediction } from "./runtime/plan/roofline.ts";
export {
  applyUpdates,
  incrementalUpdate,
  type IncrementalUpdateOptions,
  periodicUpdate,
  type PeriodicUpdateOptions,
} from "./runtime/apply.ts";
export { globalNorm } from "./runtime/norm.ts";
export type {
  HyperIn,
  InitialState,
  Optimizer,
  Oracle,
  RunOptions,
  StatesIn,
} from "./runtime/optimizer.ts";
export type { Configured } from "./runtime/step/rule.ts";
export type { PartialTree, StepOptions } from "./runtime/step/options.ts";
export { like, resident, zeros } from "./runtime/resident.ts";
export { release } from "./runtime/trees/placement.ts";
export type { State } from "./runtime/trees/state.ts";
export type * from "./runtime/trees/typed.ts";
export type { StorageType } from "./runtime/trees/dtype.ts";
export type { RoundedStorage, Rounding } from "./runtime/trees/stored.ts";
export type { InitOptions, StateStorage } from "./runtime/trees/state_storage.ts";
export type { BlockTensor, StoredTensor, Tensor } from "./runtime/trees/leaf.ts";
export type { Backend } from "./runtime/plan/forms.ts";
export * from "./zoo/wrappers/mod.ts";
export {
  skipLargeUpdates,
  type SkipLargeUpdatesOptions,
  skipNotFinite,
} from "./zoo/wrappers/skip.ts";
export { valueAndGradFromState } from "./runtime/line_search.ts";
export * from "./zoo/per_example.ts";
export * from "./zoo/mod.ts";
export { fromTorchConfig, type TorchConfig } from "./zoo/torch/config.ts";
export type { TorchOptions } from "./zoo/torch/options.ts";
export {
  type AveragedMeasure,
  measureWithEma,
  type MeasureWithEmaOptions,
  monitor,
} from "./zoo/monitor.ts";
export {
  lionK,
  type LionKDocument,
  type LionKHyper,
  type LionKOptions,
  type LionOptions,
} from "./zoo/lion_k.ts";
