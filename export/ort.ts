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
import { GradusError, shown } from "../dsl/errors.ts";
import { parseJson } from "../dsl/json.ts";
import { constant, type Node } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import type { Schedule } from "../dsl/schedules/mod.ts";
import { parseExpression } from "../dsl/parse.ts";
import { type LeafInfo, requireDistinct } from "../runtime/leaves.ts";
import { initialLeaf, requireState, type State } from "../runtime/state.ts";
import type { DType, NumberArray } from "../runtime/storage.ts";
import { Layout } from "../runtime/trees.ts";
import { METADATA } from "./onnx/write.ts";
import { type ReadModel, readModel, type ReadValue } from "./onnx/proto.ts";

/** Options of {@linkcode OrtOptimizer.load}. */
export interface OrtOptions {
  /** Where the graph runs. Default and so far only `"wasm"`. */
  readonly executionProvider?: "wasm";
  /** Values of hyperparameters that are inputs of the graph, by name, where the state has none. */
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
  readonly #initial: Readonly<Record<string, number | string>>;
  readonly #hyper: Readonly<Record<string, number | Schedule | null>>;

  private constructor(
    session: ort.InferenceSession,
    model: ReadModel,
    program: Program,
    hyper: OrtOptions["hyper"],
  ) {
    [this.#session, this.#model, this.program] = [session, model, program];
    this.#initial = JSON.parse(model.metadata[METADATA.state]);
    const bound: Record<string, number | null> = JSON.parse(model.metadata[METADATA.inputs]);
    this.#hyper = Object.fromEntries(
      Object.entries(bound).map(([input, value]) => {
        const name = input.slice("hyper/".length);
        return [name, hyper?.[name] ?? value];
      }),
    );
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
    const model = readOptimizer(bytes);
    const program = parseJson(model.metadata[METADATA.program]);
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
    return new OrtOptimizer(session, model, program, hyper);
  }

  /** The state before the first step. */
  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const layout = this.#layoutOf(params, doing);
    const arrays = aligned(layout, params, "parameters", doing);
    requireDistinct(arrays.map((array, i) => [array, `\`${layout.leaves[i].path}\``]), doing);
    const hyper: State["hyper"] = {};
    for (const [name, value] of Object.entries(this.#hyper)) {
      if (typeof value === "number") hyper[name] = value;
    }
    const state: State = { optimizer: this.program.name, count: 0, hyper };
    for (const [name, initial] of Object.entries(this.#initial)) {
      const init = typeof initial === "number" ? constant(initial) : ofParameter(initial, name);
      state[name] = layout.build(layout.leaves.map((info, i) => {
        const dtype = this.#dtypeOf(name, info);
        return initialLeaf(init, info, arrays[i], new Map(), dtype, info.shape);
      }));
    }
    return state;
  }

  /**
   * One step: changes the arrays of `params` and `state` once the graph has run. `inputs` are the
   * program's further inputs.
   */
  async step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const { name: optimizer } = this.program;
    const doing = `Cannot step by "${optimizer}"`;
    const layout = this.#layoutOf(params, doing);
    const names = Object.keys(this.#initial);
    requireState(state, this.program, names, Object.keys(this.#hyper), doing);
    const trees = new Map<string, NumberArray[]>([
      ["w", aligned(layout, params, "parameters", doing)],
      ["g", aligned(layout, gradients, "gradients", doing)],
    ]);
    for (const name of names) {
      const dtypeOf = (info: LeafInfo) => this.#dtypeOf(name, info);
      const what = `state \`${name}\``;
      trees.set(name, layout.align(state[name], what, doing, dtypeOf, ({ shape }) => shape));
    }
    const count = new ort.Tensor("int64", BigInt64Array.of(BigInt(state.count)), []);
    const feeds: Record<string, ort.Tensor> = { count };
    const used = this.#hyperAt(state, doing);
    for (const [name, value] of used) feeds[`hyper/${name}`] = float64(value);
    for (const name of this.program.inputs.keys()) {
      const value = inputs[name];
      if (typeof value !== "number") {
        throw new GradusError(
          `${doing}: input \`${name}\` must be a number: given ${shown(value)}`,
        );
      }
      feeds[name] = float64(value);
    }
    for (const [name, arrays] of trees) {
      layout.leaves.forEach((info, i) => {
        feeds[at(name, info)] = tensorOf(arrays[i], info.shape);
      });
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    for (const [name, arrays] of trees) {
      if (name === "g") continue;
      layout.leaves.forEach((info, i) => {
        const { data } = results[`next/${at(name, info)}`] as ort.Tensor;
        const bits = ArrayBuffer.isView(data) && arrays[i] instanceof Uint16Array
          ? new Uint16Array(data.buffer, data.byteOffset, data.length)
          : data as NumberArray;
        arrays[i].set(bits);
      });
    }
    state.count++;
  }

  /** Gives the graph's memory back; no step may follow. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }

  #hyperAt(state: State, doing: string): [name: string, value: number][] {
    return Object.entries(this.#hyper).map(([name, bound]) => {
      const value = state.hyper[name] ?? (typeof bound === "function" ? bound(state.count) : bound);
      if (typeof value !== "number" || Number.isNaN(value)) {
        throw new GradusError(
          `${doing}: hyperparameter \`${name}\` is an input of the graph and must be a number, in ` +
            `the state's \`hyper\` or given when loading: given ${shown(value)}`,
        );
      }
      return [name, value];
    });
  }

  /** The layout of `params`, which must be what the graph was written for. */
  #layoutOf(params: unknown, doing: string): Layout {
    const layout = Layout.of(params, doing);
    const wanted = this.#model.inputs.filter(({ name }) => name === "w" || name.startsWith("w/"));
    for (const info of layout.leaves) {
      const input = wanted.find(({ name }) => name === at("w", info));
      if (input === undefined) {
        throw new GradusError(`${doing}: the graph has no parameter \`${info.path}\``);
      }
      if (input.type !== info.dtype || !isShape(input, info.shape)) {
        throw new GradusError(
          `${doing}: the parameter \`${info.path}\` must be ${input.type} of shape ` +
            `[${input.shape.join(", ")}]: given ${info.dtype} of [${info.shape.join(", ")}]`,
        );
      }
    }
    if (wanted.length !== layout.leaves.length) {
      const missing = wanted.find(({ name }) =>
        layout.leaves.every((info) => at("w", info) !== name)
      );
      throw new GradusError(`${doing}: the parameter \`${missing!.name.slice(2)}\` is missing`);
    }
    return layout;
  }

  #dtypeOf(state: string, info: LeafInfo): DType {
    return this.#model.inputs.find(({ name }) => name === at(state, info))!.type as DType;
  }
}

function readOptimizer(bytes: Uint8Array): ReadModel {
  const refuse = (reason: string): never => {
    throw new GradusError(
      `Cannot load an optimizer: the bytes must be an ONNX model written by \`toOnnx\`: ${reason}`,
    );
  };
  let model: ReadModel;
  try {
    model = readModel(bytes);
  } catch (error) {
    return refuse(messageOf(error));
  }
  for (const key of Object.values(METADATA)) {
    if (model.metadata[key] === undefined) refuse(`given one without \`${key}\` in its metadata`);
  }
  return model;
}

function ofParameter(text: string, name: string): Node {
  return parseExpression(text, {
    read: (symbol, fail) => symbol === "w" ? "number" : fail(`there is no symbol \`${symbol}\``),
    assign: (_name, _type, fail) => fail("an initial value assigns nothing"),
  }, `the initial value of state \`${name}\``);
}

function aligned(layout: Layout, tree: unknown, what: string, doing: string): NumberArray[] {
  return layout.align(tree, what, doing, ({ dtype }) => dtype, ({ shape }) => shape);
}

function at(name: string, { path }: LeafInfo): string {
  return path === "" ? name : `${name}/${path}`;
}

function isShape(input: ReadValue, shape: readonly number[]): boolean {
  return input.shape.length === shape.length && input.shape.every((size, i) => size === shape[i]);
}

function float64(value: number): ort.Tensor {
  return new ort.Tensor("float64", Float64Array.of(value), []);
}

function tensorOf(data: NumberArray, shape: readonly number[]): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  if (data instanceof Float64Array) return new ort.Tensor("float64", data, shape);
  return new ort.Tensor("float16", data, shape);
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
