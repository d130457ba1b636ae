/**
 * Runs exported optimizers on ONNX Runtime Web: the same step as in the library, from the bytes alone.
 *
 * @example
 * ```ts
 * import { OrtOptimizer } from "@gradus/gradus/ort";
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { x: Float32Array.of(1, -1) };
 * const bytes = toOnnx(lion({ learningRate: 0.25, weightDecay: 0 }), params);
 * const opt = await OrtOptimizer.load(bytes);
 * const state = opt.init(params);
 * await opt.step(params, { x: Float32Array.of(2, -2) }, state);
 * assertEquals(params.x, Float32Array.of(0.75, -0.75));
 * await opt.dispose();
 * ```
 *
 * On a GPU, parameters and states stay where they are from step to step.
 *
 * @example
 * ```ts
 * import { OrtOptimizer } from "@gradus/gradus/ort";
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { adamw } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const params = { x: Float32Array.of(1, -1) };
 * const bytes = toOnnx(adamw({ learningRate: 0.25 }), params);
 * if (await navigator.gpu?.requestAdapter()) {
 *   const opt = await OrtOptimizer.load(bytes, { executionProvider: "webgpu" });
 *   const state = opt.init(params);
 *   for (let t = 0; t < 2; t++) await opt.step(params, { x: Float32Array.of(2, -2) }, state);
 *   const { x } = opt.buffers(params);
 *   console.log(x.buffer.size, x.shape);
 *   await opt.download(params);
 *   assertAlmostEquals(params.x[0], 0.5, 1e-3);
 *   await opt.dispose();
 * }
 * ```
 *
 * @module
 */
import { GradusError, shown } from "../dsl/errors.ts";
import { type Node, postorder, ZERO } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import type { Schedule } from "../dsl/schedules/mod.ts";
import { settle } from "../dsl/simplify.ts";
import { type LeafInfo, spellPath } from "../runtime/trees/leaf.ts";
import {
  inheritScheduled,
  inputOf,
  requireState,
  requireWritable,
  type State,
  treeNumber,
} from "../runtime/trees/state.ts";
import { initialLeaf, initialNumber, stateShape } from "../runtime/step/initial.ts";
import { arithmeticOf, type DType, type NumberArray } from "../runtime/trees/dtype.ts";
import type { Layout } from "../runtime/trees/layout.ts";
import type { ReadValue } from "./onnx/proto.ts";
import type { Engine, Kind, Taken } from "./ort/engine.ts";
import {
  type GpuTensor,
  type Held,
  type InArray,
  isInBuffer,
  leavesIn,
  mapGpuTensors,
  mapToBuffers,
  type OffGpu,
  type OnBuffers,
  type OnGpu,
  requireApart,
} from "./ort/gpu_tensor.ts";
import { evaluateHost, type HostExpressions } from "./ort/host.ts";
import { inputsAt, numbersOf, type Parts, partsOf, withGiven } from "./ort/hyper.ts";
import { type Initial, type ReadOptimizer, readOptimizer } from "./ort/read.ts";
import { openOnWasm } from "./ort/runtime.ts";
import { at } from "./ort/tensors.ts";
import { WasmEngine } from "./ort/wasm.ts";
import { WebgpuEngine } from "./ort/webgpu.ts";

export type { GpuTensor, InArray, OffGpu, OnBuffers, OnGpu };

/** Options of {@linkcode OrtOptimizer.load}. */
export interface OrtOptions {
  /**
   * Where the graph runs. Default `"wasm"`; `"webgpu"` loads another build of ONNX Runtime Web, of 17 MB
   * (27 MB where the engine's WebAssembly cannot wait for promises).
   */
  readonly executionProvider?: "wasm" | "webgpu";
  /**
   * The device that `"webgpu"` runs on. Default one of the optimizer's own, gone with `dispose`. Hold on to
   * its adapter too: Deno 2.9 ends when it is asked for the limits of a device whose adapter is gone.
   */
  readonly device?: GPUDevice;
  /**
   * Values of hyperparameters that are inputs of the graph, where the state has none: by name, or by
   * name and path, `learningRate/w`, for a part of one that is a tree.
   */
  readonly hyper?: Readonly<Record<string, number | Schedule>>;
}

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
export class OrtOptimizer {
  /** What its step computes. */
  readonly program: Program;
  readonly #engine: Engine;
  readonly #inputs: ReadonlyMap<string, ReadValue>;
  readonly #clocks: ReadonlyMap<string, string>;
  readonly #host: HostExpressions;
  readonly #initial: ReadonlyMap<string, Initial>;
  readonly #hyper: ReadonlyMap<string, Parts>;
  #last: Promise<unknown> = Promise.resolve();
  #released: Promise<void> | undefined;

  private constructor(
    engine: Engine,
    { model, program, initial, hyper, clocks, host }: ReadOptimizer,
  ) {
    [this.#engine, this.program] = [engine, program];
    [this.#clocks, this.#host] = [clocks, host];
    this.#inputs = new Map(model.inputs.map((input) => [input.name, input]));
    [this.#initial, this.#hyper] = [initial, hyper];
  }

  /**
   * Loads what `toOnnx` wrote.
   *
   * @throws {GradusError} if the bytes are no such model, or ONNX Runtime refuses it.
   */
  static async load(bytes: Uint8Array, options: OrtOptions = {}): Promise<OrtOptimizer> {
    const { executionProvider = "wasm", device, hyper } = options;
    if (executionProvider !== "wasm" && executionProvider !== "webgpu") {
      throw new GradusError(
        `Cannot load an optimizer: \`executionProvider\` must be "wasm" or "webgpu": given ${
          shown(executionProvider)
        }`,
      );
    }
    if (executionProvider === "wasm" && device !== undefined) {
      throw new GradusError(
        `Cannot load an optimizer: \`device\` is for \`executionProvider\` "webgpu": given one for "wasm"`,
      );
    }
    const read = readOptimizer(bytes);
    const doing = `Cannot load "${read.program.name}"`;
    const given = withGiven(read.hyper, hyper ?? {}, doing);
    const engine = executionProvider === "wasm"
      ? new WasmEngine(await openOnWasm(bytes, doing), read.model)
      : await WebgpuEngine.open(bytes, read, device, doing);
    return new OrtOptimizer(engine, { ...read, hyper: given });
  }

  /** The device that arrays live on; undefined on WebAssembly. */
  get device(): GPUDevice | undefined {
    return this.#engine.device;
  }

  /** The state before the first step. */
  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const layout = this.#engine.layoutOf(params, doing);
    const leaves = this.#engine.align(layout, params, "parameters", doing, (info) => info);
    requireApart(leaves.map((leaf, i) => [leaf, spellPath(layout.leaves[i].path)]), doing);
    const hyper: State["hyper"] = {};
    for (const [name, parts] of this.#hyper) {
      const all = partsOf(parts);
      const isInput = all.some(({ input }) => input !== undefined);
      const isFixed = all.every(({ value }) => typeof value === "number");
      if (isInput && isFixed) hyper[name] = numbersOf(parts, 0);
    }
    const state: State = { optimizer: this.program.name, count: 0, hyper };
    for (const [name, initial] of this.#initial) {
      if (this.#isNumber(name)) {
        state[name] = initialNumber(initial as Node, new Map());
        continue;
      }
      state[name] = layout.build(layout.leaves.map((info, i) => {
        const given = initial instanceof Map ? initial.get(info.path) ?? ZERO : initial as Node;
        const init = settle(given);
        const { dtype, shape } = this.#kindOf(name, info);
        const array = arrayOf(leaves[i], init, `state \`${name}\``, doing);
        return initialLeaf(init, info, array, new Map(), dtype, shape);
      }));
    }
    return state;
  }

  /**
   * One step: changes `params` and `state` once the graph has run. `inputs` are the program's further
   * inputs. Steps run one after another: one begun before the last has ended reads what that leaves.
   *
   * On WebGPU the numbers of parameters and states are copied to the device at the first step that has
   * their arrays, and live there from then on: the arrays themselves change when `download` is called,
   * and what is written into them counts when `upload` is. A {@linkcode GpuTensor} changes at once.
   */
  step<P extends object>(
    params: P,
    gradients: P | OnGpu<P>,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const doing = `Cannot step by "${this.program.name}"`;
    return this.#after(() => this.#step(params, gradients, state, inputs, doing), doing);
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
    this.#released ??= this.#last.then(() => this.#engine.dispose());
    return this.#released;
  }

  #after<T>(work: () => Promise<T>, doing: string): Promise<T> {
    if (this.#released !== undefined) {
      return Promise.reject(new GradusError(`${doing}: nothing may follow \`dispose\``));
    }
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #step(
    params: unknown,
    gradients: unknown,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
    doing: string,
  ): Promise<void> {
    const layout = this.#engine.layoutOf(params, doing);
    requireState(
      state,
      this.program,
      new Set(this.#initial.keys()),
      [...this.#hyper.keys()],
      doing,
    );
    requireWritable(state, doing);
    const written = this.#written(layout, params, state, doing);
    const read = this.#taken("g", layout, gradients, "gradients", doing);
    const numberStates = [...this.#initial.keys()].filter((name) => this.#isNumber(name));
    const clockOf = (name: string): number => {
      const clock = this.#clocks.get(name);
      return clock === undefined ? state.count : treeNumber(state, clock, doing);
    };
    const { numbers, used } = inputsAt(this.#hyper, layout, state.hyper, clockOf, doing);
    const all = new Map([["count", state.count]]);
    for (const [name, number] of numbers) all.set(`hyper/${name}`, number);
    for (const name of numberStates) all.set(name, treeNumber(state, name, doing));
    for (const [name, kind] of this.program.inputs) {
      if (kind === "scalar") all.set(name, inputOf(inputs, name, doing));
      else read.push(...this.#taken(name, layout, inputs?.[name], `input \`${name}\``, doing));
    }
    const host = evaluateHost(this.#host, all);
    const taken = new Map([...all, ...host].filter(([name]) => this.#inputs.has(name)));
    const made = await this.#engine.run({ written, read, numbers: taken, doing });
    for (const name of numberStates) {
      state[name] = made.get(`next/${name}`) ?? host.get(`next/${name}`)!;
    }
    state.count++;
    inheritScheduled(state, used);
  }

  /** The leaves that a step writes. */
  #written(layout: Layout, params: unknown, state: State, doing: string): Taken[] {
    const taken = this.#taken("w", layout, params, "parameters", doing);
    const places = taken.map(({ leaf }, i) => [leaf, spellPath(layout.leaves[i].path)] as const);
    for (const name of this.#initial.keys()) {
      if (this.#isNumber(name)) continue;
      const what = `state \`${name}\``;
      const kindOf = (info: LeafInfo) => this.#kindOf(name, info);
      const leaves = this.#engine.align(layout, state[name], what, doing, kindOf);
      layout.leaves.forEach((info, i) => {
        places.push([leaves[i], `${spellPath(info.path)} of ${what}`]);
        const input = at(name, info);
        if (this.#inputs.has(input)) {
          taken.push({ name: input, leaf: leaves[i], ...this.#kindOf(name, info) });
        }
      });
    }
    requireApart(places, doing);
    return taken;
  }

  /** The leaves of a tree of arrays like the parameters. */
  #taken(name: string, layout: Layout, tree: unknown, what: string, doing: string): Taken[] {
    const leaves = this.#engine.align(layout, tree, what, doing, (info) => info);
    return layout.leaves.map((info, i) => {
      const { dtype, shape } = info;
      return { name: at(name, info), leaf: leaves[i], dtype, shape };
    });
  }

  /** Whether a state is one number for the tree. */
  #isNumber(state: string): boolean {
    return this.program.state.get(state)!.over === "tree";
  }

  /** What a parameter keeps of a state: no elements where the graph has no input for it. */
  #kindOf(state: string, info: LeafInfo): Kind {
    const input = this.#inputs.get(at(state, info));
    if (input !== undefined) {
      const shape = stateShape(this.program, state, info, new Set([state]));
      return { dtype: input.type as DType, shape };
    }
    const other = [...this.#inputs.values()].find(({ name }) => name.startsWith(`${state}/`));
    const stored = other?.type === "float16" ? other.type : arithmeticOf(info.dtype);
    return { dtype: stored, shape: [0] };
  }
}

/** The array that a state begins from; one in a buffer will do where it begins from no parameter. */
function arrayOf(leaf: Held, init: Node, state: string, doing: string): NumberArray {
  if (!isInBuffer(leaf)) return leaf;
  const isRead = postorder([init]).some(({ op, arg }) => op === "Symbol" && arg === "w");
  if (!isRead) return new Float32Array(0);
  throw new GradusError(
    `${doing}: ${state} begins from the parameters, which must be in arrays: given a GPUBuffer; pass ` +
      `what \`download\` gives`,
  );
}
