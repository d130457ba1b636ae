/** An exported optimizer on ONNX Runtime Web, as its user meets it. */
import { ASYNC_DISPOSE } from "../../dsl/dispose.ts";
import { GradusError } from "../../dsl/errors.ts";
import { ANY, type Kinds, requireOptions } from "../../dsl/options.ts";
import type { Program } from "../../dsl/program.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { StepOptions } from "../../runtime/step/options.ts";
import { Step } from "../../runtime/step/step.ts";
import type { NumberArray } from "../../runtime/trees/dtype.ts";
import type { State } from "../../runtime/trees/state.ts";
import { OrtDevice } from "./device.ts";
import type { Engine } from "./engine.ts";
import { Evaluation, parted } from "./evaluation.ts";
import {
  type HeldLeaf,
  leavesIn,
  mapGpuTensors,
  mapToBuffers,
  type OffGpu,
  type OnBuffers,
  type OnGpu,
} from "./held.ts";
import { withGiven } from "./hyper.ts";
import { numbersIn, readOptimizer } from "./read.ts";
import { readModel } from "../onnx/proto.ts";
import { type GraphForm, GraphRule } from "./rule.ts";
import { openEngine, requireWhere, type WhereOptions } from "./where.ts";

/** Options of {@linkcode OrtOptimizer.load}. */
export interface OrtOptions extends WhereOptions {
  /**
   * Values of hyperparameters that are inputs of the graph, where the state has none: by name, or by
   * name and path, `learningRate/w`, for a part of one that is a tree.
   */
  readonly hyper?: Readonly<Record<string, number | Schedule>>;
}

const OPTIONS: Kinds<OrtOptions> = { executionProvider: ANY, device: ANY, hyper: ANY };

/**
 * An exported optimizer, running on ONNX Runtime Web.
 *
 * @example
 * ```ts
 * import { OrtOptimizer } from "@gradus/gradus/ort";
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { x: Float32Array.of(1, -1) };
 * const opt = await OrtOptimizer.load(toOnnx(lion({ learningRate: 0.25 }), params));
 * const state = opt.init(params);
 * assertEquals(state.m, { x: Float32Array.of(0, 0) });
 * await opt.dispose();
 * ```
 */
export class OrtOptimizer implements AsyncDisposable {
  /** What its step computes. */
  readonly program: Program;
  readonly #engine: Engine;
  readonly #evaluation: Evaluation | undefined;
  readonly #step: Step<HeldLeaf, GraphForm>;
  #last: Promise<unknown> = Promise.resolve();
  #released: Promise<void> | undefined;

  private constructor(engine: Engine, rule: GraphRule, evaluation: Evaluation | undefined) {
    [this.#engine, this.#evaluation, this.program] = [engine, evaluation, rule.program];
    this.#step = new Step(rule, new OrtDevice(engine, evaluation));
  }

  /**
   * Loads what `toOnnx` wrote.
   *
   * @throws {GradusError} if the bytes are no such model, an option is none, or ONNX Runtime refuses it.
   */
  static async load(bytes: Uint8Array, options: OrtOptions = {}): Promise<OrtOptimizer> {
    requireOptions("Cannot load an optimizer", options, OPTIONS);
    requireWhere(options, "Cannot load an optimizer");
    const whole = readOptimizer(bytes);
    const parts = parted(bytes, `Cannot load "${whole.program.name}"`);
    const read = parts.evaluation === undefined
      ? whole
      : { ...whole, model: readModel(parts.step) };
    const doing = `Cannot load "${read.program.name}"`;
    const given = withGiven(read.hyper, read.program.domains, options.hyper ?? {}, doing);
    const engine = await openEngine(parts.step, numbersIn(read), options, "disabled", doing);
    const evaluation = parts.evaluation === undefined
      ? undefined
      : new Evaluation(parts.evaluation, read);
    return new OrtOptimizer(engine, new GraphRule({ ...read, hyper: given }), evaluation);
  }

  /** The device that arrays live on; undefined on WebAssembly. */
  get device(): GPUDevice | undefined {
    return this.#engine.device;
  }

  /** The state before the first step. */
  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    return this.#step.init(params, doing);
  }

  /**
   * One step: changes `params` and `state` once the graph has run. `inputs` are the program's further
   * inputs. Steps run one after another: one begun before the last has ended reads what that leaves.
   *
   * On WebGPU the numbers of parameters and states are copied to the device at the first step that has
   * their arrays, and live there from then on: the arrays themselves change when `download` is called,
   * and what is written into them counts when `upload` is. A {@linkcode GpuTensor} changes at once.
   *
   * @throws {GradusError} for `{ missing: "skip" }`: a graph computes all of its parameters.
   */
  step<P extends object>(
    params: P,
    gradients: P | OnGpu<P>,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
    options?: StepOptions,
  ): Promise<void> {
    const doing = `Cannot step by "${this.program.name}"`;
    return this.#after(
      async () => await this.#step.step(params, gradients, state, inputs, doing, options),
      doing,
    );
  }

  /**
   * The parameters to evaluate with after the steps begun, as the graph says: a new tree, in which each
   * {@linkcode GpuTensor} is a tensor. Nothing given is changed.
   *
   * @throws {GradusError} if the graph was exported without `evaluate: true`, or it takes numbers of before
   * a step.
   */
  evaluationParams<P extends object>(params: P, state: State): Promise<OffGpu<P>> {
    const doing = `Cannot evaluate by "${this.program.name}"`;
    return this.#after(async () => {
      if (this.#evaluation === undefined) {
        throw new GradusError(
          `${doing}: the graph must have what to evaluate with: export it with \`evaluate: true\``,
        );
      }
      return await this.#step.evaluate(params, state, doing) as OffGpu<P>;
    }, doing);
  }

  /**
   * `tree`, parameters or a state, with all of its numbers in arrays, as they are after the steps begun:
   * its arrays are written, and each {@linkcode GpuTensor} is replaced by a tensor with a copy. On
   * WebAssembly it is `tree` as it is.
   *
   * @throws {GradusError} if the device was lost.
   */
  download<T extends object>(tree: T): Promise<OffGpu<T>> {
    const doing = `Cannot download from "${this.program.name}"`;
    return this.#after(async () => {
      const copies = await this.#engine.download(leavesIn(tree), doing);
      return mapGpuTensors(
        tree,
        (tensor) => ({ data: copies.get(tensor)!, shape: [...tensor.shape] }),
      ) as OffGpu<T>;
    }, doing);
  }

  /**
   * Takes the numbers that the arrays of `tree` hold now, once the steps begun have ended. What no step
   * has had needs none of this.
   *
   * @throws {GradusError} if the device was lost.
   */
  upload(tree: object): Promise<void> {
    const doing = `Cannot upload to "${this.program.name}"`;
    return this.#after(() => Promise.resolve(this.#engine.upload(leavesIn(tree), doing)), doing);
  }

  /**
   * The buffers in which the arrays of a tree that has been stepped live on the device, until its next
   * step: to compute with, never to write, and not to keep, since two of them take turns.
   *
   * @throws {GradusError} on WebAssembly, and for an array that no step has had.
   */
  buffers<T extends object>(tree: T): OnBuffers<T> {
    const doing = `Cannot hand out buffers of "${this.program.name}"`;
    const bufferOf = (array: NumberArray) => this.#engine.bufferOf(array);
    return mapToBuffers(tree, bufferOf, doing) as OnBuffers<T>;
  }

  /** Forgets the arrays of `tree` on the device, once the steps begun have ended; download them before. */
  release(tree: object): Promise<void> {
    const doing = `Cannot release from "${this.program.name}"`;
    return this.#after(() => Promise.resolve(this.#engine.release(leavesIn(tree))), doing);
  }

  /**
   * Gives back what it took, memory and device, once the steps begun have ended; never what is the
   * caller's. Nothing may follow.
   */
  dispose(): Promise<void> {
    this.#released ??= this.#last.then(async () => {
      await this.#evaluation?.dispose();
      await this.#engine.dispose();
    });
    return this.#released;
  }

  /** Disposes of it at the end of a block: `await using exported = …`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.dispose();
  }

  #after<T>(work: () => Promise<T>, doing: string): Promise<T> {
    if (this.#released !== undefined) {
      return Promise.reject(new GradusError(`${doing}: nothing may follow \`dispose\``));
    }
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
