/** A model joined with an optimizer on ONNX Runtime Web: what trains it, as its user meets it. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { symbol } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { Step } from "../../runtime/step/step.ts";
import { sameShape, type Tensor } from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";
import { load } from "../safetensors/load.ts";
import { save } from "../safetensors/save.ts";
import { type Batch, type BatchTensor, batchTensor, feedsOf } from "./batch.ts";
import { OrtDevice } from "./device.ts";
import type { Engine, Further, Run, Taken, Value } from "./engine.ts";
import { Forwards, requireOutputs } from "./forwards.ts";
import { type Held, leavesIn } from "./held.ts";
import { withGiven } from "./hyper.ts";
import { type Joined, joinedOptimizer, readJoined } from "./joined.ts";
import { drawMasks } from "./masks.ts";
import { numbersIn } from "./read.ts";
import { type GraphForm, GraphRule } from "./rule.ts";
import { requireThreads } from "./runtime.ts";
import { copied, copiedState, requireAlike, takenOf } from "./trees.ts";
import { firstValues, inferenceModel } from "./weights.ts";
import { openEngine, requireWhere, type WhereOptions } from "./where.ts";

/** Options of {@linkcode OrtTrainer.load}. */
export interface TrainerOptions extends WhereOptions {
  /**
   * How many threads WebAssembly runs on, one number for all sessions. Default: what ONNX Runtime chooses,
   * which is 1 where memory cannot be shared. Deno has 1.
   */
  readonly threads?: number;
  /** The output that is the loss. Default: the one that the file tells, or its only one. */
  readonly loss?: string;
  /**
   * The first values of parameters, and of what else is carried from step to step, by name. Default: those in
   * the file, which `trainingStep` keeps and `attachOptimizer` does not.
   */
  readonly params?: Readonly<Record<string, Tensor>>;
  /**
   * Values of hyperparameters that are inputs of the graph, where the state has none: by name, or by
   * name and path, `learningRate/w`, for a part of one that is a tree.
   */
  readonly hyper?: Readonly<Record<string, number | Schedule>>;
  /** Whether a step whose loss is not finite is refused. Default false. */
  readonly refuseNonFinite?: boolean;
}

/** Options of one training step. */
export interface TrainingOptions {
  /** Whether the step is refused if its loss is not finite. Default: as told when loading. */
  readonly refuseNonFinite?: boolean;
}

/** A loss that stops a step. */
class NonFinite extends Error {}

/**
 * A model joined with an optimizer, running on ONNX Runtime Web: `attachOptimizer` makes one of a model that
 * computes its gradients, `trainingStep` of any. Parameters and states stay where they are computed with; a
 * step gives its loss back and nothing else.
 *
 * On WebGPU what a step computes in must be float32: attach the optimizer with `precision: "float32"`.
 *
 * @example
 * ```ts
 * import { crossEntropy, trainingStep } from "@gradus/gradus/train";
 * import { OrtTrainer } from "@gradus/gradus/ort";
 * import { adamw } from "@gradus/gradus";
 *
 * // Trains a classifier of inputs `x`, whose output is `logits`.
 * async function tuned(model: Uint8Array, x: Float32Array, y: Int32Array): Promise<Uint8Array> {
 *   const loss = crossEntropy({ logits: "logits" });
 *   const bytes = trainingStep(model, adamw({ learningRate: 1e-3 }), { loss });
 *   const trainer = await OrtTrainer.load(bytes);
 *   for (let epoch = 0; epoch < 10; epoch++) console.log(await trainer.step({ x, y }));
 *   const trained = await trainer.model();
 *   await trainer.dispose();
 *   return trained;
 * }
 * ```
 */
export class OrtTrainer {
  /** What the optimizer's step computes. */
  readonly program: Program;
  readonly #joined: Joined;
  readonly #engine: Engine;
  readonly #step: Step<Held, GraphForm>;
  readonly #forwards: Forwards;
  readonly #optimizer: (doing: string) => Optimizer;
  readonly #bytes: Uint8Array;
  readonly #refuses: boolean;
  #params: Record<string, Tensor>;
  #carried: Record<string, Tensor>;
  #state: State;
  /** What the graph is given and asked for in the step that is running. */
  #further: Further | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #released: Promise<void> | undefined;

  private constructor(
    bytes: Uint8Array,
    joined: Joined,
    engine: Engine,
    options: TrainerOptions,
    doing: string,
  ) {
    const { read, gradients, carried } = joined;
    const { hyper: given = {}, refuseNonFinite = false } = options;
    [this.#bytes, this.#joined, this.#engine, this.program] = [bytes, joined, engine, read.program];
    this.#refuses = refuseNonFinite;
    this.#optimizer = (doing) => joinedOptimizer(read.model.metadata, read.program, given, doing);
    const { executionProvider } = options;
    this.#forwards = new Forwards(bytes, joined, { executionProvider, device: engine.device });
    const hyper = withGiven(read.hyper, read.program.domains, given, doing);
    const device = new OrtDevice({
      read: (node, path, doing) => engine.read(node, path, doing),
      run: (run) => engine.run(this.#asJoined(run)),
      numbersIn: (leaves, doing) => engine.numbersIn(leaves, doing),
    }, undefined);
    this.#step = new Step(new GraphRule({ ...read, hyper }), device);
    const first = firstValues(bytes, [...gradients.keys(), ...carried], options.params, doing);
    const among = (names: Iterable<string>) =>
      Object.fromEntries(Array.from(names, (name) => [name, first.get(name)!]));
    [this.#params, this.#carried] = [among(gradients.keys()), among(carried)];
    this.#state = this.#step.init(this.#params, doing);
  }

  /**
   * Loads a model that was joined with an optimizer. Nothing is rewritten by ONNX Runtime on the way: its
   * rewriting gains no time in a step, and takes long to load graphs of many parameters.
   *
   * @throws {GradusError} if the bytes are no such model, an option is none, or ONNX Runtime refuses it.
   */
  static async load(bytes: Uint8Array, options: TrainerOptions = {}): Promise<OrtTrainer> {
    const doing = "Cannot load a training step";
    requireOptions(options, OPTIONS, doing);
    requireWhere(options, doing);
    const { step, ...joined } = readJoined(bytes, options.loss, doing);
    if (options.threads !== undefined) requireThreads(options.threads, doing);
    const engine = await openEngine(
      step,
      numbersIn(joined.read),
      options,
      "disabled",
      doing,
    );
    try {
      return new OrtTrainer(bytes, joined, engine, options, doing);
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  /** The device that arrays live on; undefined on WebAssembly. */
  get device(): GPUDevice | undefined {
    return this.#engine.device;
  }

  /** How many steps have been made. */
  get count(): number {
    return this.#state.count;
  }

  /**
   * The hyperparameters that the last step used. A number written here holds from the next step on and is
   * saved, if the hyperparameter is an input of the graph.
   */
  get hyper(): State["hyper"] {
    return this.#state.hyper;
  }

  /**
   * One training step on a batch; gives its loss, which is that of before the step. `inputs` are the program's
   * further inputs. Steps run one after another; the arrays of a batch must stay as they are until its own has
   * ended. A step that throws has changed nothing.
   *
   * @throws {GradusError} if an input is missing, unknown, or of another type or shape; if ONNX Runtime fails or
   * the device is lost; or if the loss is not finite and such are refused: then it names the first parameter
   * whose gradient is not finite.
   */
  async step(
    batch: Batch,
    inputs: Readonly<Record<string, unknown>> = {},
    options?: TrainingOptions,
  ): Promise<number> {
    return (await this.#train(batch, [], inputs, options)).loss;
  }

  /**
   * The same, which also gives `outputs` of the model, computed before the step.
   *
   * @throws {GradusError} as `step` does, and for what is no output of the model.
   */
  stepWith(
    batch: Batch,
    outputs: readonly string[],
    inputs: Readonly<Record<string, unknown>> = {},
    options?: TrainingOptions,
  ): Promise<{ readonly loss: number; readonly outputs: Record<string, BatchTensor> }> {
    return this.#train(batch, outputs, inputs, options);
  }

  /**
   * Outputs of the model of a batch, forward only, by the parameters to evaluate with. The model is that for
   * inference where the file has it and these are outputs of it; what training alone has, such as the loss, is
   * computed as in training. A batch need not have what these outputs do not need.
   *
   * @throws {GradusError} as `step` does.
   */
  evaluate(batch: Batch, outputs: readonly string[]): Promise<Record<string, BatchTensor>> {
    const doing = `Cannot evaluate by "${this.program.name}"`;
    return this.#after(async () => {
      const forward = await this.#forwards.of(outputs, doing);
      const held = await this.#evaluated(doing);
      const { known } = this.#joined;
      return tensorsOf(await forward.run(batch, held, known, this.#state.count, doing));
    }, doing);
  }

  /**
   * The bytes of the model for inference, whose initializers are the parameters to evaluate with; of a file
   * without it, what the model's own outputs need, without the loss if it has others.
   */
  model(): Promise<Uint8Array<ArrayBuffer>> {
    const doing = `Cannot write the model trained by "${this.program.name}"`;
    return this.#after(async () => {
      const params = await this.#evaluationParams(doing);
      return inferenceModel(this.#bytes, this.#joined, { ...params, ...this.#carried }, doing);
    }, doing);
  }

  /**
   * A checkpoint of parameters, state and running statistics: `load` of `@gradus/gradus/safetensors`
   * reads it, and `restore` goes on from it.
   */
  save(): Promise<Uint8Array<ArrayBuffer>> {
    const doing = `Cannot save the training by "${this.program.name}"`;
    return this.#after(async () => {
      await this.#download(doing);
      const [params, state, buffers] = [this.#params, this.#state, this.#carried];
      return save({ optimizer: this.#optimizer(doing), params, state, buffers });
    }, doing);
  }

  /**
   * Goes on from a checkpoint of the same program and parameters; hyperparameters that are not written into
   * its state are those of this graph.
   *
   * @throws {GradusError} if it is another's; then nothing has changed.
   */
  restore(bytes: Uint8Array): Promise<void> {
    const doing = `Cannot restore the training by "${this.program.name}"`;
    return this.#after(() => {
      const optimizer = this.#optimizer(doing);
      const { params, state, buffers } = load(bytes, { optimizer, params: this.#params });
      const fresh = this.#step.init(params, doing);
      requireAlike(state, fresh, doing);
      for (const [name, { shape }] of Object.entries(this.#carried)) {
        if (Object.hasOwn(buffers, name) && sameShape(buffers[name].shape, shape)) continue;
        throw new GradusError(
          `${doing}: the checkpoint must have \`buffers/${name}\` of shape [${shape.join(", ")}]`,
        );
      }
      this.#engine.release(leavesIn([this.#params, this.#state, this.#carried]));
      [this.#params, this.#state] = [params, { ...fresh, ...state }];
      const names = Object.keys(this.#carried);
      this.#carried = Object.fromEntries(names.map((name) => [name, buffers[name]]));
      return Promise.resolve();
    }, doing);
  }

  /** A copy of the parameters, by name, as they are after the steps begun. */
  params(): Promise<Record<string, Tensor>> {
    const doing = `Cannot read the parameters trained by "${this.program.name}"`;
    return this.#after(async () => {
      await this.#download(doing);
      return copied(this.#params);
    }, doing);
  }

  /** A copy of the state, as it is after the steps begun. */
  state(): Promise<State> {
    const doing = `Cannot read the state of "${this.program.name}"`;
    return this.#after(async () => {
      await this.#download(doing);
      return copiedState(this.#state);
    }, doing);
  }

  /** Gives back what it took, once the steps begun have ended. Nothing may follow. */
  dispose(): Promise<void> {
    this.#released ??= this.#last.then(async () => {
      await this.#forwards.dispose();
      await this.#engine.dispose();
    });
    return this.#released;
  }

  #train(
    batch: Batch,
    asked: readonly string[],
    inputs: Readonly<Record<string, unknown>>,
    options: TrainingOptions = {},
  ): Promise<{ readonly loss: number; readonly outputs: Record<string, BatchTensor> }> {
    const doing = `Cannot train by "${this.program.name}"`;
    return this.#after(async () => {
      requireOptions(options, ["refuseNonFinite"], doing);
      const { refuseNonFinite = this.#refuses } = options;
      const { inputs: needed, known, masks, loss: name, outputs } = this.#joined;
      requireOutputs(asked, outputs, doing);
      const { feeds, sizes } = feedsOf(batch, needed, known, doing);
      const { count } = this.#state;
      for (const [input, mask] of drawMasks(masks, sizes, count, doing)) feeds.set(input, mask);
      let loss = NaN;
      let made: ReadonlyMap<string, Value> = new Map();
      this.#further = {
        feeds,
        outputs: [...new Set([name, ...asked])],
        take: (values) => {
          loss = lossIn(values.get(name)!, name, doing);
          made = values;
          if (refuseNonFinite && !Number.isFinite(loss)) throw new NonFinite();
        },
      };
      try {
        await this.#step.step(this.#params, this.#params, this.#state, inputs, doing);
      } catch (error) {
        if (!(error instanceof NonFinite)) throw error;
        throw new GradusError(
          `${doing}: the loss of step ${count + 1} must be finite: given ${loss}; ` +
            await this.#forwards.blame(batch, await this.#hostLeaves(doing), count, doing),
        );
      } finally {
        this.#further = undefined;
      }
      return { loss, outputs: tensorsOf(new Map(asked.map((each) => [each, made.get(each)!]))) };
    }, doing);
  }

  /** A run of a step alone as one of the joined graph, where gradients are values inside. */
  #asJoined({ written, read, ...run }: Run): Run {
    const renamed = written.map((taken) =>
      taken.name.startsWith("w/") ? { ...taken, name: taken.name.slice(2) } : taken
    );
    return {
      ...run,
      written: [...renamed, ...takenOf(this.#carried)],
      read: read.filter(({ name }) => !name.startsWith("g/")),
      further: this.#further,
    };
  }

  /** Parameters and what else is carried, where they are by now, with the parameters to evaluate with. */
  async #evaluated(doing: string): Promise<Taken[]> {
    if (this.#evaluatesAsIs()) {
      return takenOf({ ...this.#params, ...this.#carried }).map((taken) => {
        const { leaf, shape } = taken;
        const buffer = this.#engine.bufferOf(leaf);
        return buffer === undefined ? taken : { ...taken, leaf: { buffer, shape } };
      });
    }
    return takenOf({ ...await this.#evaluationParams(doing), ...this.#carried });
  }

  /** The parameters to evaluate with, in arrays. */
  async #evaluationParams(doing: string): Promise<Record<string, Tensor>> {
    await this.#download(doing);
    if (this.#evaluatesAsIs()) return this.#params;
    return this.#optimizer(doing).evaluationParams(this.#params, this.#state);
  }

  #evaluatesAsIs(): boolean {
    return this.program.evaluate === symbol("w");
  }

  async #hostLeaves(doing: string): Promise<Taken[]> {
    await this.#download(doing);
    return takenOf({ ...this.#params, ...this.#carried });
  }

  async #download(doing: string): Promise<void> {
    await this.#engine.download(leavesIn([this.#params, this.#state, this.#carried]), doing);
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

const OPTIONS: readonly (keyof TrainerOptions)[] = [
  ...["executionProvider", "device", "threads", "loss"] as const,
  ...["params", "hyper", "refuseNonFinite"] as const,
];

function requireOptions(options: object, names: readonly string[], doing: string): void {
  if (typeof options !== "object" || options === null) {
    throw new GradusError(`${doing}: its options must be an object: given ${shown(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new GradusError(
      `${doing}: there is no option ${quoted(name)}${suggestion(name, names)}`,
    );
  }
}

function lossIn({ data }: Value, name: string, doing: string): number {
  if (data.length === 1) return Number(data[0]);
  throw new GradusError(
    `${doing}: the loss ${quoted(name)} must be one number: given ${data.length}`,
  );
}

function tensorsOf(values: ReadonlyMap<string, Value>): Record<string, BatchTensor> {
  return Object.fromEntries(Array.from(values, ([name, value]) => [name, batchTensor(value)]));
}
