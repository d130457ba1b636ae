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
 * @module
 */
import * as ort from "onnxruntime-web/wasm";
import { GradusError, quoted, shown, suggestion } from "../dsl/errors.ts";
import { type Node, ZERO } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import type { Schedule } from "../dsl/schedules/mod.ts";
import { settle } from "../dsl/simplify.ts";
import { type LeafInfo, requireDistinct, spellPath } from "../runtime/leaves.ts";
import {
  inheritScheduled,
  initialLeaf,
  initialNumber,
  inputOf,
  requireState,
  requireWritable,
  type State,
  stateShape,
  treeNumber,
} from "../runtime/state.ts";
import { arithmeticOf, type DType, type NumberArray } from "../runtime/storage.ts";
import type { Layout } from "../runtime/trees.ts";
import type { ReadModel, ReadValue } from "./onnx/proto.ts";
import { evaluateHost, type HostExpressions } from "./ort/host.ts";
import { inputsAt, mapParts, numbersOf, Part, type Parts, partsOf } from "./ort/hyper.ts";
import { type Initial, type ReadOptimizer, readOptimizer } from "./ort/read.ts";
import { at, copyInto, layoutOf, numberOf, scalar, tensorOf } from "./ort/tensors.ts";

/** Options of {@linkcode OrtOptimizer.load}. */
export interface OrtOptions {
  /** Where the graph runs. Default and so far only `"wasm"`. */
  readonly executionProvider?: "wasm";
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
  readonly #session: ort.InferenceSession;
  readonly #model: ReadModel;
  readonly #inputs: ReadonlyMap<string, ReadValue>;
  readonly #clocks: ReadonlyMap<string, string>;
  readonly #host: HostExpressions;
  readonly #initial: ReadonlyMap<string, Initial>;
  readonly #hyper: ReadonlyMap<string, Parts>;
  #last: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;

  private constructor(
    session: ort.InferenceSession,
    { model, program, initial, hyper, clocks, host }: ReadOptimizer,
  ) {
    [this.#session, this.#model, this.program] = [session, model, program];
    this.#inputs = new Map(model.inputs.map((input) => [input.name, input]));
    [this.#clocks, this.#host] = [clocks, host];
    [this.#initial, this.#hyper] = [initial, hyper];
  }

  /**
   * Loads what `toOnnx` wrote.
   *
   * @throws {GradusError} if the bytes are no such model, or ONNX Runtime refuses it.
   */
  static async load(bytes: Uint8Array, options: OrtOptions = {}): Promise<OrtOptimizer> {
    const { executionProvider = "wasm", hyper } = options;
    if (executionProvider !== "wasm") {
      throw new GradusError(
        `Cannot load an optimizer: \`executionProvider\` must be "wasm": given ${
          shown(executionProvider)
        }`,
      );
    }
    const read = readOptimizer(bytes);
    const { program } = read;
    const given = withGiven(read.hyper, hyper ?? {}, `Cannot load "${program.name}"`);
    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(bytes, {
        executionProviders: [executionProvider],
        // Its rewriting (1/a·b into b/a, for one) changes bits and gains nothing here.
        graphOptimizationLevel: "disabled",
      });
    } catch (error) {
      throw new GradusError(
        `Cannot load "${program.name}": ONNX Runtime refused the model: ${messageOf(error)}`,
      );
    }
    return new OrtOptimizer(session, { ...read, hyper: given });
  }

  /** The state before the first step. */
  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const layout = layoutOf(params, this.#model, doing);
    const arrays = layout.alignLike(params, "parameters", doing);
    requireDistinct(arrays.map((array, i) => [array, spellPath(layout.leaves[i].path)]), doing);
    const hyper: State["hyper"] = {};
    for (const [name, parts] of this.#hyper) {
      const all = partsOf(parts);
      const isInput = all.some(({ input }) => input !== undefined);
      const isFixed = all.every(({ value }) => typeof value === "number");
      if (isInput && isFixed) hyper[name] = numbersOf(parts, 0);
    }
    const state: State = { optimizer: this.program.name, count: 0, hyper };
    for (const [name, initial] of this.#initial) {
      if (this.#isTree(name)) {
        state[name] = initialNumber(initial as Node, new Map());
        continue;
      }
      state[name] = layout.build(layout.leaves.map((info, i) => {
        const init = initial instanceof Map ? initial.get(info.path) ?? ZERO : initial as Node;
        const { dtype, shape } = this.#kindOf(name, info);
        return initialLeaf(settle(init), info, arrays[i], new Map(), dtype, shape);
      }));
    }
    return state;
  }

  /**
   * One step: changes the arrays of `params` and `state` once the graph has run. `inputs` are the
   * program's further inputs. Steps run one after another: one begun before the last has ended reads
   * what that leaves.
   */
  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const doing = `Cannot step by "${this.program.name}"`;
    if (this.#released !== undefined) {
      const error = new GradusError(`${doing}: no step may follow \`dispose\``);
      return Promise.reject(error);
    }
    const step = this.#last.then(() => this.#step(params, gradients, state, inputs, doing));
    this.#last = step.catch(() => {});
    return step;
  }

  /** Gives the graph's memory back once the steps begun have ended; no step may follow. */
  dispose(): Promise<void> {
    this.#released ??= this.#last.then(() => this.#session.release());
    return this.#released;
  }

  async #step(
    params: unknown,
    gradients: unknown,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
    doing: string,
  ): Promise<void> {
    const layout = layoutOf(params, this.#model, doing);
    requireState(
      state,
      this.program,
      new Set(this.#initial.keys()),
      [...this.#hyper.keys()],
      doing,
    );
    requireWritable(state, doing);
    const written = this.#written(layout, params, state, doing);
    const given = layout.alignLike(gradients, "gradients", doing);
    const trees = [...this.#initial.keys()].filter((name) => this.#isTree(name));
    const clockOf = (name: string): number => {
      const clock = this.#clocks.get(name);
      return clock === undefined ? state.count : treeNumber(state, clock, doing);
    };
    const { numbers, used } = inputsAt(this.#hyper, layout, state.hyper, clockOf, doing);
    const symbols = new Map([["count", state.count]]);
    for (const [name, number] of numbers) symbols.set(`hyper/${name}`, number);
    for (const name of trees) symbols.set(name, treeNumber(state, name, doing));
    const read = new Map([["g", given]]);
    for (const [name, kind] of this.program.inputs) {
      if (kind === "scalar") symbols.set(name, inputOf(inputs, name, doing));
      else read.set(name, layout.alignLike(inputs?.[name], `input \`${name}\``, doing));
    }
    const host = evaluateHost(this.#host, symbols);
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, number] of [...symbols, ...host]) {
      const type = this.#inputs.get(name)?.type;
      if (type !== undefined) feeds[name] = scalar(number, type);
    }
    for (const [name, arrays] of [...written, ...read]) {
      layout.leaves.forEach((info, i) => {
        if (!this.#inputs.has(at(name, info))) return;
        const isState = this.#initial.has(name);
        const shape = isState ? this.#kindOf(name, info).shape : info.shape;
        feeds[at(name, info)] = tensorOf(arrays[i], shape);
      });
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    for (const [name, arrays] of written) {
      layout.leaves.forEach((info, i) => {
        const result = results[`next/${at(name, info)}`];
        if (result !== undefined) copyInto(arrays[i], result as ort.Tensor);
      });
    }
    for (const name of trees) {
      const result = results[`next/${name}`] as ort.Tensor | undefined;
      state[name] = result === undefined ? host.get(`next/${name}`) : numberOf(result);
    }
    state.count++;
    inheritScheduled(state, used);
  }

  /** The arrays that a step writes, by the name of their tree. */
  #written(
    layout: Layout,
    params: unknown,
    state: State,
    doing: string,
  ): Map<string, NumberArray[]> {
    const trees = new Map([["w", layout.alignLike(params, "parameters", doing)]]);
    for (const name of this.#initial.keys()) {
      if (this.#isTree(name)) continue;
      const dtypesOf = (info: LeafInfo) => [this.#kindOf(name, info).dtype];
      const shapeOf = (info: LeafInfo) => this.#kindOf(name, info).shape;
      trees.set(name, layout.align(state[name], `state \`${name}\``, doing, dtypesOf, shapeOf));
    }
    requireDistinct(
      [...trees].flatMap(([name, arrays]) =>
        arrays.map((array, i) => {
          const path = spellPath(layout.leaves[i].path);
          return [array, name === "w" ? path : `${path} of state \`${name}\``] as const;
        })
      ),
      doing,
    );
    return trees;
  }

  #isTree(state: string): boolean {
    return this.program.state.get(state)!.over === "tree";
  }

  /** What a parameter keeps of a state: no elements where the graph has no input for it. */
  #kindOf(state: string, info: LeafInfo): { dtype: DType; shape: readonly number[] } {
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

/** `hyper` with the values that were given when loading. */
function withGiven(
  hyper: ReadonlyMap<string, Parts>,
  given: NonNullable<OrtOptions["hyper"]>,
  doing: string,
): Map<string, Parts> {
  const inputs = [...hyper.values()].flatMap(partsOf).flatMap(({ input }) => input ?? []);
  for (const [name, value] of Object.entries(given)) {
    if (!inputs.includes(name)) {
      throw new GradusError(
        `${doing}: ${quoted(name)} is no hyperparameter input of the graph` +
          suggestion(name, inputs),
      );
    }
    if (typeof value !== "function" && (typeof value !== "number" || Number.isNaN(value))) {
      throw new GradusError(
        `${doing}: hyperparameter ${quoted(name)} must be a number or a schedule: given ${
          shown(value)
        }`,
      );
    }
  }
  const change = (part: Part): Part => {
    const { input } = part;
    if (input === undefined || !Object.hasOwn(given, input)) return part;
    return new Part(input, given[input], part.text);
  };
  return new Map([...hyper].map(([name, parts]) => [name, mapParts(parts, change)]));
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
