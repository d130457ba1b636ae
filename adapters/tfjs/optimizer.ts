/** An optimizer as tfjs knows them: what its users and its layers ask of one. */
import { DISPOSE } from "../../dsl/dispose.ts";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { elementInputs } from "../../runtime/backends/backend.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireNoOracle } from "../../runtime/step/rule.ts";
import { numbersAt } from "../../runtime/trees/hyperparameters.ts";
import type { State } from "../../runtime/trees/state.ts";
import { sameShape } from "../../runtime/trees/leaf.ts";
import { writeConfig } from "./config.ts";
import { holding } from "./holding.ts";
import { operationsOf } from "./ops.ts";
import { routeFor } from "./routes.ts";
import type { Route } from "./route.ts";
import { countOf, numberData, readWeights } from "./saved.ts";
import { States } from "./states.ts";
import type { TfInputs, TfjsOptimizer } from "./tfjs_optimizer.ts";
import type {
  TfConfig,
  Tfjs,
  TfNamedTensor,
  TfNamedTensorMap,
  TfTensor,
  TfVariable,
} from "./tf.ts";

/** What tfjs's files call an optimizer of Gradus. */
export const CLASS_NAME = "Gradus";

/** The optimizer that tfjs is given. */
export class GradusTfjs implements TfjsOptimizer {
  /** What tfjs's files call it. */
  static readonly className: string = CLASS_NAME;
  readonly #tf: Tfjs;
  readonly #optimizer: Optimizer;
  readonly #states: States;
  readonly #doing: string;
  readonly #trees: readonly string[];
  /** The way of each backend that it was stepped on. */
  #routes = new Map<object, Route>();
  /** Whether the variables hold what to evaluate with. */
  #isEvaluating = false;
  /** The tensors that were handed out last. */
  #handed: readonly TfTensor[] = [];

  constructor(optimizer: Optimizer, tf: Tfjs) {
    [this.#optimizer, this.#tf] = [optimizer, tf];
    const { program } = optimizer;
    requireNoOracle(optimizer, `Cannot run "${program.name}" in tfjs`);
    this.#states = new States(program);
    this.#doing = `Cannot step by "${program.name}" in tfjs`;
    this.#trees = elementInputs(program);
    try {
      // What a backend lacks is told at once, where one is ready; else by the first step.
      if (tf.getBackend()) this.#route();
    } catch (error) {
      if (error instanceof GradusError) throw error;
    }
  }

  get iterations(): number {
    return this.#states.count;
  }

  get hyper(): State["hyper"] {
    return this.#states.hyper;
  }

  get learningRate(): number {
    const { settings } = this.#optimizer;
    this.#requireLearningRate("read");
    const written = this.hyper.learningRate;
    const isWritten = Object.hasOwn(this.hyper, "learningRate");
    const { value, clock } = settings.get("learningRate")!;
    const now = isWritten || typeof value === "boolean" || clock !== undefined
      ? written
      : numbersAt(value, this.iterations);
    if (typeof now === "number") return now;
    throw new GradusError(
      `Cannot read the learning rate: it must be one number: given ${shown(now)}`,
    );
  }

  set learningRate(value: number) {
    this.#requireLearningRate("set");
    this.hyper.learningRate = value;
  }

  setLearningRate(learningRate: number): void {
    this.learningRate = learningRate;
  }

  minimize(f: () => TfTensor, returnCost = false, varList?: TfVariable[]): TfTensor | null {
    const { value, grads } = this.computeGradients(f, varList);
    try {
      const isRead = this.#optimizer.program.inputs.get("value") === "scalar";
      // In the order of the list, by which variables are told that were loaded under other names.
      const named = varList?.map(({ name }) => ({ name, tensor: grads[name] }));
      this.applyGradients(named ?? grads, isRead ? { value: this.#read(value) } : {});
    } catch (error) {
      value.dispose();
      throw error;
    } finally {
      // Variables that cannot be trained are there without a gradient.
      for (const gradient of Object.values(grads)) gradient?.dispose();
    }
    if (returnCost) return value;
    value.dispose();
    return null;
  }

  computeGradients(
    f: () => TfTensor,
    varList?: TfVariable[],
  ): { value: TfTensor; grads: TfNamedTensorMap } {
    return this.#tf.variableGrads(f, varList);
  }

  applyGradients(
    gradients: TfNamedTensorMap | TfNamedTensor[],
    inputs: TfInputs = {},
  ): void {
    this.#requireOwnNumbers(this.#doing);
    const entries = Array.isArray(gradients)
      ? gradients.map(({ name, tensor }) => [name, tensor] as const)
      : Object.entries(gradients);
    const given = new Map<string, TfVariable>();
    const stepped = new Map<string, TfVariable>();
    const reads = new Map<string, TfTensor[]>();
    for (const [name, gradient] of entries) {
      const variable = this.#variable(name);
      if (given.has(name)) throw this.#refusal(name, "must be given once: given twice");
      given.set(name, variable);
      if (gradient === null || gradient === undefined || !variable.trainable) continue;
      stepped.set(name, variable);
      const read = [gradient, ...this.#trees.map((input) => this.#input(inputs, input, name))];
      for (const tensor of [variable, ...read]) this.#requireLike(tensor, variable);
      reads.set(name, read);
    }
    if (stepped.size === 0) return;
    const numbers = Object.fromEntries(
      Object.entries(inputs).filter(([name]) => !this.#trees.includes(name)),
    );
    const step = { reads, inputs: numbers };
    this.#states.step(this.#route(), stepped, given, step, this.#doing);
  }

  evaluationParams(varList?: TfVariable[]): TfNamedTensorMap {
    return Object.fromEntries(this.#evaluated(varList));
  }

  withEvaluationParams<T>(run: () => T, varList?: TfVariable[]): T {
    const evaluated = this.#evaluated(varList);
    const numbers = Array.from(
      evaluated,
      ([name, tensor]) => [this.#variable(name, this.#evaluating), tensor] as const,
    );
    this.#isEvaluating = true;
    return holding(this.#tf, new Map(numbers), run, () => this.#isEvaluating = false);
  }

  saveIterations(): Promise<TfNamedTensor> {
    const tensor = this.#tf.tensor(Int32Array.of(this.iterations), [], "int32");
    return Promise.resolve({ name: "iter", tensor });
  }

  async extractIterations(weights: TfNamedTensor[]): Promise<TfNamedTensor[]> {
    this.#states.count = await countOf(weights, `Cannot set the weights of ${this.#name}`);
    return weights.slice(1);
  }

  async getWeights(): Promise<TfNamedTensor[]> {
    this.#takeBack();
    const weights = [
      await this.saveIterations(),
      ...this.#states.kept().map(({ state, variable, value }) => ({
        name: variable === undefined ? state : `${variable}/${state}`,
        tensor: typeof value === "number"
          ? this.#number(value)
          : value instanceof Float32Array
          ? this.#tf.tensor(value.slice(), [value.length], "float32")
          : this.#states.tensor(value),
      })),
    ];
    this.#handed = weights.map(({ tensor }) => this.#tf.keep(tensor));
    return weights;
  }

  async setWeights(weights: TfNamedTensor[]): Promise<void> {
    const doing = `Cannot set the weights of ${this.#name}`;
    const count = await countOf(weights, doing);
    const saved = await readWeights(weights.slice(1), count, this.#optimizer.program, doing);
    this.#states.load(saved);
  }

  getConfig(): TfConfig {
    const hyper = Object.fromEntries(
      Object.keys(this.hyper).map((name) => [name, this.hyper[name]]),
    );
    return writeConfig({ optimizer: this.#optimizer, hyper }, `Cannot save ${this.#name}`);
  }

  getClassName(): string {
    return CLASS_NAME;
  }

  dispose(): void {
    this.#takeBack();
    this.#states.dispose();
    this.#routes = new Map();
  }

  [DISPOSE](): void {
    this.dispose();
  }

  get #name(): string {
    return `"${this.#optimizer.program.name}"`;
  }

  /** The value that a step is given. */
  #read(value: TfTensor): number {
    try {
      return value.dataSync()[0];
    } catch (error) {
      throw new GradusError(
        `${this.#doing}: the value is on the GPU, and cannot be read there at once (${error}): ` +
          `\`applyGradients(gradients, { value: (await value.data())[0] })\` is given it by \`computeGradients\``,
      );
    }
  }

  get #evaluating(): string {
    return `Cannot evaluate by ${this.#name} in tfjs`;
  }

  #evaluated(varList: readonly TfVariable[] | undefined): Map<string, TfTensor> {
    const doing = this.#evaluating;
    this.#requireOwnNumbers(doing);
    const asked = varList?.map(({ name }) => [name, this.#variable(name, doing)] as const);
    return this.#states.evaluated(
      this.#route(),
      asked && new Map(asked),
      (name) => this.#known(name),
      (variable) => operationsOf(this.#tf).clone(variable),
      doing,
    );
  }

  #requireOwnNumbers(doing: string): void {
    if (!this.#isEvaluating) return;
    throw new GradusError(
      `${doing}: the variables must hold their own numbers: \`withEvaluationParams\` has not ended yet`,
    );
  }

  #route(): Route {
    const backend = this.#tf.backend();
    let route = this.#routes.get(backend);
    if (route === undefined) {
      route = routeFor(this.#optimizer, this.#tf, this.#doing);
      this.#routes.set(backend, route);
    }
    return route;
  }

  #takeBack(): void {
    this.#handed.forEach((tensor) => tensor.dispose());
    this.#handed = [];
  }

  #number(value: number): TfTensor {
    const data = numberData(value);
    const dtype = data instanceof Int32Array ? "int32" : "float32";
    return this.#tf.tensor(data, data.length === 1 ? [] : [data.length], dtype);
  }

  #known(name: string): TfVariable | undefined {
    const { registeredVariables: known } = this.#tf.engine();
    return Object.hasOwn(known, name) ? known[name] : undefined;
  }

  #variable(name: string, doing = this.#doing): TfVariable {
    const variable = this.#known(name);
    if (variable !== undefined) return variable;
    const near = suggestion(name, Object.keys(this.#tf.engine().registeredVariables));
    throw this.#refusal(name, `is no variable${near}`, doing);
  }

  #input(inputs: TfInputs, input: string, name: string): TfTensor {
    const map = Object.hasOwn(inputs, input) ? inputs[input] : undefined;
    if (typeof map === "object" && Object.hasOwn(map, name)) return map[name];
    throw new GradusError(
      `${this.#doing}: input ${quoted(input)} must be given by the names of variables: given ` +
        (map === undefined ? "none" : `none for ${quoted(name)}`),
    );
  }

  #requireLike(tensor: TfTensor, { name, shape }: TfVariable): void {
    if (tensor.dtype !== "float32") {
      throw this.#refusal(name, `and its gradient must be float32: given ${tensor.dtype}`);
    }
    if (sameShape(tensor.shape, shape)) return;
    throw this.#refusal(
      name,
      `must have a gradient of its shape, [${shape.join(", ")}]: given [${
        tensor.shape.join(", ")
      }]`,
    );
  }

  #refusal(name: string, why: string, doing = this.#doing): GradusError {
    return new GradusError(`${doing}: ${quoted(name)} ${why}`);
  }

  #requireLearningRate(doing: string): void {
    const { hyper } = this.#optimizer.program;
    if (hyper.has("learningRate")) return;
    throw new GradusError(
      `Cannot ${doing} the learning rate: ${this.#name} has no hyperparameter ` +
        `\`learningRate\`${suggestion("learningRate", hyper.keys())}`,
    );
  }
}
