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
import { parseJson } from "../dsl/json.ts";
import { constant, type Node } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import type { Schedule } from "../dsl/schedules/mod.ts";
import { parseExpression } from "../dsl/parse.ts";
import { printExpression } from "../dsl/print.ts";
import { type LeafInfo, requireDistinct } from "../runtime/leaves.ts";
import { initialLeaf, requireState, type State } from "../runtime/state.ts";
import type { DType, NumberArray } from "../runtime/storage.ts";
import { Layout } from "../runtime/trees.ts";
import { METADATA, requirePlainPaths } from "./onnx/write.ts";
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
  /** What was written into the graph as it is, as text. */
  readonly #constants: Readonly<Record<string, string>>;

  private constructor(
    session: ort.InferenceSession,
    { model, program, initial, inputs, constants }: ReadOptimizer,
    hyper: OrtOptions["hyper"],
  ) {
    [this.#session, this.#model, this.program] = [session, model, program];
    [this.#initial, this.#constants] = [initial, constants];
    this.#hyper = Object.fromEntries(
      Object.entries(inputs).map(([input, value]) => {
        const name = input.slice("hyper/".length);
        return [name, Object.hasOwn(hyper ?? {}, name) ? hyper![name] : value];
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
    const read = readOptimizer(bytes);
    const { program } = read;
    for (const name of Object.keys(hyper ?? {})) {
      if (Object.hasOwn(read.inputs, `hyper/${name}`)) continue;
      const names = Object.keys(read.inputs).map((input) => input.slice("hyper/".length));
      throw new GradusError(
        `Cannot load "${program.name}": ${quoted(name)} is no hyperparameter input of the graph` +
          suggestion(name, names),
      );
    }
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
    return new OrtOptimizer(session, read, hyper);
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
    const known = [...Object.keys(this.#hyper), ...this.program.hyper.keys()];
    requireState(state, this.program, names, known, doing);
    this.#requireConstants(state, doing);
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

  /** Refuses a number in the state that the graph would not heed. */
  #requireConstants(state: State, doing: string): void {
    for (const [name, value] of Object.entries(state.hyper)) {
      if (Object.hasOwn(this.#hyper, name)) continue;
      for (const [part, text] of Object.entries(this.#constants)) {
        const [key, ...path] = part.split("/");
        if (key !== name) continue;
        const given = path.reduce<unknown>(
          (tree, step) =>
            typeof tree === "object" ? (tree as Record<string, unknown>)?.[step] : tree,
          value,
        );
        if (typeof given === "number" && printExpression(constant(given)) === text) continue;
        throw new GradusError(
          `${doing}: hyperparameter \`${name}\` is ${text} in the graph, and is ${
            shown(given)
          } in ` +
            `the state: export it with \`inputs: ["${name}"]\` to change it`,
        );
      }
    }
  }

  #hyperAt(state: State, doing: string): [name: string, value: number][] {
    return Object.entries(this.#hyper).map(([name, bound]) => {
      const value = Object.hasOwn(state.hyper, name)
        ? state.hyper[name]
        : typeof bound === "function"
        ? bound(state.count)
        : bound;
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
    requirePlainPaths(layout, doing);
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

interface ReadOptimizer {
  readonly model: ReadModel;
  readonly program: Program;
  readonly initial: Readonly<Record<string, number | string>>;
  readonly inputs: Readonly<Record<string, number | null>>;
  readonly constants: Readonly<Record<string, string>>;
}

function readOptimizer(bytes: Uint8Array): ReadOptimizer {
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
  const record = <T>(key: keyof typeof METADATA, isValue: (value: unknown) => boolean) => {
    let value: unknown;
    try {
      value = JSON.parse(model.metadata[METADATA[key]]);
    } catch (error) {
      return refuse(`\`${METADATA[key]}\`: ${messageOf(error)}`);
    }
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isRecord || !Object.values(value as object).every(isValue)) {
      return refuse(`\`${METADATA[key]}\` is ${shown(value)}`);
    }
    return value as Record<string, T>;
  };
  let program: Program;
  try {
    program = parseJson(model.metadata[METADATA.program]);
  } catch (error) {
    return refuse(`\`${METADATA.program}\`: ${messageOf(error)}`);
  }
  const initial = record<number | string>(
    "state",
    (value) => typeof value === "number" || typeof value === "string",
  );
  const inputs = record<number | null>(
    "inputs",
    (value) => typeof value === "number" || value === null,
  );
  const constants = record<string>("constants", (value) => typeof value === "string");
  requireValues(model, Object.keys(initial), Object.keys(inputs), program, refuse);
  for (const name of Object.keys(initial)) {
    if (typeof initial[name] === "string") ofParameter(initial[name], name);
  }
  return { model, program, initial, inputs, constants };
}

/** Refuses a graph whose inputs and outputs are not those of a step. */
function requireValues(
  { inputs, outputs }: ReadModel,
  states: readonly string[],
  hyper: readonly string[],
  program: Program,
  refuse: (reason: string) => never,
): void {
  const [given, made] = [inputs, outputs].map((values) => new Set(values.map(({ name }) => name)));
  const paths = inputs.flatMap(({ name }) => /^w(?:\/|$)/.test(name) ? [name.slice(1)] : []);
  if (paths.length === 0) refuse("given a graph without parameters");
  for (const name of states) {
    if (!program.state.has(name)) refuse(`\`${METADATA.state}\` has no state \`${name}\``);
  }
  const carried = ["w", ...states].flatMap((name) => paths.map((path) => name + path));
  const needed = [...carried, ...paths.map((path) => `g${path}`), "count", ...hyper];
  for (const name of [...needed, ...program.inputs.keys()]) {
    if (!given.has(name)) refuse(`given a graph without the input ${quoted(name)}`);
  }
  for (const name of [...carried, "count"].map((each) => `next/${each}`)) {
    if (!made.has(name)) refuse(`given a graph without the output ${quoted(name)}`);
  }
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
