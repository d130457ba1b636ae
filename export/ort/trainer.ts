/** A model joined with an optimizer on ONNX Runtime Web: what trains it, as its user meets it. */
import { ASYNC_DISPOSE } from "../../dsl/dispose.ts";
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { ANY, requireOptions } from "../../dsl/options.ts";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { symbol } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { Tensor } from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";
import { LOSS_SCALE } from "../onnx/inference.ts";
import { load } from "../safetensors/load.ts";
import { save } from "../safetensors/save.ts";
import { type Batch, type BatchTensor, batchTensor, feedsOf } from "./batch.ts";
import type { Engine, Value } from "./engine.ts";
import { Forwards, requireOutputs } from "./forwards.ts";
import { withGiven } from "./hyper.ts";
import { type Joined, joinedOptimizer, readJoined } from "./joined.ts";
import { type Kernel, kernelOf, withoutStep } from "./kernel.ts";
import { drawMasks } from "./masks.ts";
import { numbersIn } from "./read.ts";
import { GraphRule } from "./rule.ts";
import { requireThreads } from "./runtime.ts";
import { TRAINER_OPTIONS, type TrainerOptions, type TrainingOptions } from "./trainer_options.ts";
import { type Tensors, Training } from "./training.ts";
import { copied, copiedState, takenOf } from "./trees.ts";
import { adapterOf, firstValues, inferenceModel } from "./weights.ts";
import { openEngine, requireWhere } from "./where.ts";

/** A loss that stops a step. */
class NonFinite extends Error {}

/**
 * A model joined with an optimizer, running on ONNX Runtime Web: `attachOptimizer` makes one of a model that
 * computes its gradients, `trainingStep` of any. Parameters and states stay where they are computed with; a
 * step gives its loss back and nothing else. On WebAssembly the graph gives the gradients, and the library makes
 * the step of them; on WebGPU the graph makes it.
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
export class OrtTrainer implements AsyncDisposable {
  /** What the optimizer's step computes. */
  readonly program: Program;
  readonly #bytes: Uint8Array;
  readonly #joined: Joined;
  readonly #engine: Engine;
  readonly #training: Training;
  readonly #forwards: Forwards;
  readonly #given: NonNullable<TrainerOptions["hyper"]>;
  readonly #refuses: boolean;
  /** How often gradients were computed without a step. */
  #computed = 0;
  #last: Promise<unknown> = Promise.resolve();
  #released: Promise<void> | undefined;

  private constructor(
    bytes: Uint8Array,
    joined: Joined,
    engine: Engine,
    kernel: Kernel | undefined,
    { executionProvider, params, hyper = {}, refuseNonFinite = false }: TrainerOptions,
    doing: string,
  ) {
    const { read, gradients, carried } = joined;
    [this.#bytes, this.#joined, this.#engine, this.program] = [bytes, joined, engine, read.program];
    [this.#given, this.#refuses] = [hyper, refuseNonFinite];
    this.#forwards = new Forwards(bytes, joined, { executionProvider, device: engine.device });
    const given = withGiven(read.hyper, read.program.domains, hyper, doing);
    const first = firstValues(bytes, [...gradients.keys(), ...carried], params, doing);
    const among = (names: Iterable<string>) =>
      Object.fromEntries(Array.from(names, (name) => [name, first.get(name)!]));
    const rule = new GraphRule({ ...read, hyper: given });
    this.#training = new Training(
      engine,
      rule,
      kernel,
      among(gradients.keys()),
      among(carried),
      doing,
    );
  }

  /**
   * Loads a model that was joined with an optimizer. Nothing is rewritten by ONNX Runtime on the way: its
   * rewriting gains no time in a step, and takes long to load graphs of many parameters.
   *
   * @throws {GradusError} if the bytes are no such model, an option is none, or ONNX Runtime refuses it.
   */
  static async load(bytes: Uint8Array, options: TrainerOptions = {}): Promise<OrtTrainer> {
    const doing = "Cannot load a training step";
    requireOptions(doing, options, TRAINER_OPTIONS);
    requireWhere(options, doing);
    const { model, step, ...joined } = readJoined(bytes, options.loss, doing);
    if (options.threads !== undefined) requireThreads(options.threads, doing);
    const { executionProvider = "wasm", hyper = {}, threads = 1 } = options;
    const rest = executionProvider === "wasm" ? withoutStep(model, joined) : undefined;
    const kernel = rest && kernelOf(joined, rest, hyper, threads, doing);
    const run = kernel === undefined ? step : rest!;
    const numbers = numbersIn(joined.read);
    const engine = await openEngine(
      toBinary(ModelProtoSchema, run),
      numbers,
      options,
      "disabled",
      doing,
    );
    try {
      return new OrtTrainer(bytes, joined, engine, kernel, options, doing);
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
    return this.#training.state.count;
  }

  /**
   * The hyperparameters that the last step used. A number written here holds from the next step on and is
   * saved, if the hyperparameter is an input of the graph.
   */
  get hyper(): State["hyper"] {
    return this.#training.state.hyper;
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
   * The loss of a batch and its gradients by the parameters as they are, as the optimizer would be given them; no step
   * is made. So what several workers have found is put together elsewhere, such as by `averageSteps`, and brought back by
   * {@linkcode setParams}. What is drawn, such as what dropout leaves out, is another at each call; running statistics stay.
   *
   * @throws {GradusError} as `step` does.
   */
  gradients(
    batch: Batch,
  ): Promise<{ readonly loss: number; readonly gradients: Record<string, Tensor> }> {
    const doing = `Cannot compute gradients for "${this.program.name}"`;
    return this.#after(async () => {
      const { known, kept, loss, gradients } = this.#joined;
      const forward = await this.#forwards.gradients(doing);
      const numbers = this.#training.numbersOf(kept, doing);
      const held = [...this.#training.taken(), ...takenOf(numbers)];
      const count = this.#training.state.count + this.#computed++;
      const values = await forward.run(batch, held, known, count, doing);
      const scale = Object.hasOwn(numbers, LOSS_SCALE) ? numbers[LOSS_SCALE].data[0] : 1;
      const made = Array.from(gradients, ([name, gradient]) => {
        const { data, shape } = values.get(gradient)!;
        const own = (data as Float32Array).map((each) => each / scale);
        return [name, { data: own, shape: [...shape] }] as const;
      });
      return {
        loss: lossIn(values.get(loss)!, loss, doing),
        gradients: Object.fromEntries(made),
      };
    }, doing);
  }

  /**
   * Takes other numbers for parameters, by name, in copies: those of another worker, or of all of them. Parameters that are
   * not given stay, and so does the state.
   *
   * @throws {GradusError} if there is no such parameter, or it has another type or shape; then nothing has changed.
   */
  setParams(params: Readonly<Record<string, Tensor>>): Promise<void> {
    const doing = `Cannot set the parameters trained by "${this.program.name}"`;
    return this.#after(() => Promise.resolve(this.#training.set(params, doing)), doing);
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
      const held = this.#evaluatesAsIs()
        ? this.#training.taken()
        : takenOf(await this.#evaluated(doing));
      held.push(...takenOf(this.#training.numbersOf(this.#joined.kept, doing)));
      const { count } = this.#training.state;
      return tensorsOf(await forward.run(batch, held, this.#joined.known, count, doing));
    }, doing);
  }

  /**
   * The bytes of the model for inference, whose initializers are the parameters to evaluate with: low-rank factors are
   * added to their weights, but beside quantized weights they stay. Of a file without it, what the model's own outputs need, without the loss if it has others.
   */
  model(): Promise<Uint8Array<ArrayBuffer>> {
    const doing = `Cannot write the model trained by "${this.program.name}"`;
    return this.#after(async () => {
      return inferenceModel(this.#bytes, this.#joined, await this.#evaluated(doing), doing);
    }, doing);
  }

  /**
   * The bytes of the low-rank factors that `lora` of `@gradus/gradus/train` has put into the model, as safetensors with
   * the names that PEFT gives them, and in their metadata, as `adapter_config`, what PEFT has in `adapter_config.json`.
   * Other parameters that were trained are there too, whole.
   *
   * @throws {GradusError} if the model has none.
   */
  adapter(): Promise<Uint8Array<ArrayBuffer>> {
    const doing = `Cannot write the adapter trained by "${this.program.name}"`;
    return this.#after(async () => {
      return adapterOf(this.#bytes, this.#joined, await this.#evaluated(doing), doing);
    }, doing);
  }

  /**
   * A checkpoint of parameters, state and running statistics: `load` of `@gradus/gradus/safetensors`
   * reads it, and `restore` goes on from it.
   */
  save(): Promise<Uint8Array<ArrayBuffer>> {
    const doing = `Cannot save the training by "${this.program.name}"`;
    return this.#after(async () => {
      const { params, state, carried: buffers } = await this.#training.download(doing);
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
      this.#training.restore(load(bytes, { optimizer, params: this.#training.like }), doing);
      return Promise.resolve();
    }, doing);
  }

  /** A copy of the parameters, by name, as they are after the steps begun. */
  params(): Promise<Record<string, Tensor>> {
    const doing = `Cannot read the parameters trained by "${this.program.name}"`;
    return this.#after(async () => copied((await this.#training.download(doing)).params), doing);
  }

  /** A copy of the state, as it is after the steps begun. */
  state(): Promise<State> {
    const doing = `Cannot read the state of "${this.program.name}"`;
    return this.#after(
      async () => copiedState((await this.#training.download(doing)).state),
      doing,
    );
  }

  /** Gives back what it took, once the steps begun have ended. Nothing may follow. */
  dispose(): Promise<void> {
    this.#released ??= this.#last.then(async () => {
      await this.#forwards.dispose();
      await this.#engine.dispose();
      this.#training.dispose();
    });
    return this.#released;
  }

  /** Disposes of it at the end of a block: `await using trainer = …`. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.dispose();
  }

  #train(
    batch: Batch,
    asked: readonly string[],
    inputs: Readonly<Record<string, unknown>>,
    options: TrainingOptions = {},
  ): Promise<{ readonly loss: number; readonly outputs: Record<string, BatchTensor> }> {
    const doing = `Cannot train by "${this.program.name}"`;
    return this.#after(async () => {
      requireOptions<TrainingOptions>(doing, options, { refuseNonFinite: ANY });
      const { refuseNonFinite = this.#refuses } = options;
      const { inputs: needed, known, masks, loss: name, outputs } = this.#joined;
      requireOutputs(asked, outputs, doing);
      const { feeds, sizes } = feedsOf(batch, needed, known, doing);
      const { count } = this.#training.state;
      for (const [input, mask] of drawMasks(masks, sizes, count, doing)) feeds.set(input, mask);
      let loss = NaN;
      let made: ReadonlyMap<string, Value> = new Map();
      const take = (values: ReadonlyMap<string, Value>) => {
        [loss, made] = [lossIn(values.get(name)!, name, doing), values];
        if (refuseNonFinite && !Number.isFinite(loss)) throw new NonFinite();
      };
      const wanted = [...new Set([name, ...asked])];
      try {
        await this.#training.step(feeds, wanted, take, inputs, doing);
      } catch (error) {
        if (!(error instanceof NonFinite)) throw error;
        const { params, carried } = await this.#training.download(doing);
        const numbers = this.#training.numbersOf(this.#joined.kept, doing);
        const held = takenOf({ ...params, ...carried, ...numbers });
        throw new GradusError(
          `${doing}: the loss of step ${count + 1} must be finite: given ${loss}; ` +
            await this.#forwards.blame(batch, held, count, doing),
        );
      }
      return { loss, outputs: tensorsOf(new Map(asked.map((each) => [each, made.get(each)!]))) };
    }, doing);
  }

  /** The parameters to evaluate with and what else is carried, in arrays. */
  async #evaluated(doing: string): Promise<Tensors> {
    const { params, state, carried } = await this.#training.download(doing);
    const own = this.#evaluatesAsIs()
      ? params
      : this.#optimizer(doing).evaluationParams(params, state);
    return { ...own, ...carried };
  }

  #evaluatesAsIs(): boolean {
    return this.program.evaluate === symbol("w");
  }

  /** The optimizer as the library has it. */
  #optimizer(doing: string): Optimizer {
    const { model, program } = this.#joined.read;
    return joinedOptimizer(model.metadata, program, this.#given, doing);
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

function lossIn({ data }: Value, name: string, doing: string): number {
  if (data.length === 1) return Number(data[0]);
  throw new GradusError(
    `${doing}: the loss ${quoted(name)} must be one number: given ${data.length}`,
  );
}

function tensorsOf(values: ReadonlyMap<string, Value>): Record<string, BatchTensor> {
  return Object.fromEntries(Array.from(values, ([name, value]) => [name, batchTensor(value)]));
}
