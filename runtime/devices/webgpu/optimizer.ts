/** How an optimizer runs on the GPU: it checks what it is given, has it planned, and enqueues it. */
import { DISPOSE } from "../../../dsl/dispose.ts";
import { GradusError, shown } from "../../../dsl/errors.ts";
import { having, requireOptions } from "../../../dsl/options.ts";
import type { Program } from "../../../dsl/program.ts";
import { type Configured, requireNoOracle, ruleOf } from "../../step/rule.ts";
import type { StepForm } from "../../step/form.ts";
import type { StepOptions } from "../../step/options.ts";
import { Step } from "../../step/step.ts";
import { requireStorable } from "../../step/storable.ts";
import { type InitOptions, storageWith } from "../../trees/state_storage.ts";
import type { GpuTensor } from "../../trees/gpu_tensor.ts";
import { inheritFrom, type State } from "../../trees/state.ts";
import { checkFloat16 } from "../../backends/webgpu/float16.ts";
import { WebGpuDevice } from "./device.ts";
import { openDevice } from "./open.ts";
import { download, type FromGpu, type OnGpu, release, upload } from "./transfer.ts";

/** Options of {@linkcode WebGpuOptimizer.create}. */
export interface WebGpuOptions {
  /**
   * The device that holds the buffers. Default: one of its own, with the adapter's greatest limits,
   * which `dispose` destroys.
   */
  readonly device?: GPUDevice;
}

/**
 * An optimizer on a WebGPU device. Parameters, gradients and states are trees of {@linkcode GpuTensor};
 * a step is enqueued and returns at once, and what it computes is there for whatever is enqueued after it.
 *
 * A state is like the library's, with arrays on the GPU: `state.count` and `state.hyper` are read and
 * written as there. A number of the tree that rests on gradients, such as how many were not finite,
 * becomes a {@linkcode GpuTensor} at the first step, and a number again when it is downloaded. A hyperparameter
 * whose schedule follows such a number is not in `state.hyper` before one is written there.
 *
 * States and parameters may be stored short as in the library, and of what is float32 or shorter all of a tree is
 * uploaded as it is stored. What a step has computed on the way stays in buffers of its own for the next one: one
 * set for each structure of parameters and each way that a step goes, until `dispose`. There is no float64.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { WebGpuOptimizer } from "@gradus/gradus/webgpu";
 * import { assertEquals } from "@std/assert";
 *
 * if (await navigator.gpu?.requestAdapter()) {
 *   using gpu = await WebGpuOptimizer.create(lion({ learningRate: 0.25, weightDecay: 0 }));
 *   const params = gpu.upload({ x: Float32Array.of(1, -1) });
 *   const gradients = gpu.upload({ x: Float32Array.of(2, -2) });
 *   gpu.step(params, gradients, gpu.init(params));
 *   assertEquals(await gpu.download(params), { x: Float32Array.of(0.75, -0.75) });
 * }
 * ```
 */
export class WebGpuOptimizer implements Disposable {
  /** What its step computes. */
  readonly program: Program;
  /** Where it runs. */
  readonly device: GPUDevice;
  readonly #optimizer: Configured;
  readonly #step: Step<GpuTensor, StepForm>;
  readonly #ownsDevice: boolean;
  #isDisposed = false;
  #lost: string | undefined;

  private constructor(optimizer: Configured, device: GPUDevice, ownsDevice: boolean) {
    requireNoOracle(optimizer, `Cannot run "${optimizer.program.name}" on WebGPU`);
    [this.program, this.device, this.#ownsDevice] = [optimizer.program, device, ownsDevice];
    this.#optimizer = optimizer;
    this.#step = new Step(ruleOf(optimizer), new WebGpuDevice(optimizer.program, device));
    device.lost.then(({ message }) => this.#lost = message || "it was destroyed");
  }

  /**
   * Makes an optimizer run on the GPU.
   *
   * @throws {GradusError} if what is given is no optimizer or no device, the optimizer asks a function of the
   * caller, or there is no WebGPU adapter.
   */
  static async create(
    optimizer: Configured,
    options: WebGpuOptions = {},
  ): Promise<WebGpuOptimizer> {
    if (optimizer?.settings === undefined) {
      const hint = typeof optimizer === "function" ? ": call it with its options first" : "";
      throw new GradusError(
        `Cannot run on WebGPU: an optimizer is required: given ${shown(optimizer)}${hint}`,
      );
    }
    const doing = `Cannot run "${optimizer.program.name}" on WebGPU`;
    requireOptions(doing, options, { device: having("a GPUDevice", "createBuffer") });
    const device = options.device ?? await openDevice(doing);
    await checkFloat16(device);
    return new WebGpuOptimizer(optimizer, device, options.device === undefined);
  }

  /** Copies the arrays of a tree, or of a state, to the GPU, side by side; numbers stay numbers. */
  upload<T extends object>(tree: T): OnGpu<T> {
    this.#requireAlive("Cannot upload");
    return upload(this.device, tree) as OnGpu<T>;
  }

  /** Copies the arrays of a tree, or of a state, back: what `upload` was given, as it is by now. */
  async download<T extends object>(tree: T): Promise<FromGpu<T>> {
    this.#requireAlive("Cannot download");
    const copy = await download(this.device, tree);
    if (isState(tree)) inheritFrom(copy as State, tree);
    return copy as FromGpu<T>;
  }

  /**
   * Destroys the buffers of a tree. Arrays that were uploaded together share buffers: none of them may be used
   * afterwards, and steps and `download` refuse them.
   */
  release(tree: object): void {
    release(tree);
  }

  /**
   * The state before the first step. From then on the arrays themselves say how they are stored, whatever
   * options the optimizer was made with.
   *
   * @throws {GradusError} as the library's `init` does.
   */
  init(params: object, options: InitOptions = {}): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    this.#requireAlive(doing);
    const { program, settings, storage: made } = this.#optimizer;
    const storage = storageWith(program, made, options, doing);
    requireStorable(program, settings, storage, doing);
    return this.#step.init(params, doing, storage);
  }

  /**
   * Enqueues one step: changes the arrays of `params` and `state` in place. `inputs` are the program's
   * further inputs, numbers or trees on the GPU. Gradients lie in buffers of their own; where some are
   * missing, `options` say what then.
   */
  step(
    params: object,
    gradients: object,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
    options?: StepOptions,
  ): void {
    const doing = `Cannot step by "${this.program.name}" on WebGPU`;
    this.#requireAlive(doing);
    this.#step.step(params, gradients, state, inputs, doing, options);
  }

  /**
   * Enqueues what the program evaluates with: new arrays like those of `params`, for `release` to give back.
   * Nothing given is changed.
   *
   * @throws {GradusError} as the library's `evaluationParams` does.
   */
  evaluationParams<P extends object>(params: P, state: State): P {
    const doing = `Cannot evaluate by "${this.program.name}" on WebGPU`;
    this.#requireAlive(doing);
    return this.#step.evaluate(params, state, doing) as P;
  }

  /** Gives back everything of its own on the GPU, its device too if it opened one. */
  dispose(): void {
    this.#isDisposed = true;
    this.#step.dispose();
    if (this.#ownsDevice) this.device.destroy();
  }

  /** Disposes of it at the end of a block: `using gpu = …`. */
  [DISPOSE](): void {
    this.dispose();
  }

  #requireAlive(doing: string): void {
    if (this.#isDisposed) throw new GradusError(`${doing}: it has been disposed of`);
    if (this.#lost !== undefined) {
      throw new GradusError(`${doing}: the device is lost: ${this.#lost}`);
    }
  }
}

function isState(tree: object | null): tree is State {
  const { hyper, optimizer } = (tree ?? {}) as Partial<State>;
  return typeof optimizer === "string" && typeof hyper === "object" && hyper !== null;
}
