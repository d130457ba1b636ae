/** What of a model is computed without a step: forward only, or its gradients. */
import { toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from "onnx-buf";
import { type Batch, type BatchInput, batchInput, feedsOf } from "./batch.ts";
import { cutModel } from "./cut.ts";
import type { Engine, Taken, Value } from "./engine.ts";
import { drawMasks, type DrawnMask } from "./masks.ts";

/** How a part of a model runs. */
export interface ForwardOptions {
  /** The values that it computes. */
  readonly outputs: readonly ValueInfoProto[];
  /** What is not the batch's, by name: parameters and what else is carried. */
  readonly held: ReadonlySet<string>;
  readonly masks: readonly DrawnMask[];
  open(bytes: Uint8Array): Promise<Engine>;
}

/** A part of a model, on an engine of its own. */
export class Forward {
  readonly #engine: Engine;
  readonly #inputs: readonly BatchInput[];
  readonly #masks: readonly DrawnMask[];
  readonly #held: ReadonlySet<string>;
  readonly #outputs: readonly string[];

  private constructor(
    engine: Engine,
    inputs: readonly BatchInput[],
    held: ReadonlySet<string>,
    { outputs, masks }: ForwardOptions,
  ) {
    [this.#engine, this.#inputs, this.#held] = [engine, inputs, held];
    [this.#outputs, this.#masks] = [outputs.map(({ name }) => name), masks];
  }

  /** Cuts the part from `model`, and opens it. */
  static async open(model: ModelProto, options: ForwardOptions, doing: string): Promise<Forward> {
    const { outputs, held, masks, open } = options;
    const cut = cutModel(model, outputs, held);
    const names = cut.graph.input.map(({ name }) => name);
    const isDrawn = new Set(masks.map(({ input }) => input.name));
    const inputs = cut.graph.input
      .filter(({ name }) => !held.has(name) && !isDrawn.has(name))
      .map((each) => batchInput(each, doing));
    const engine = await open(toBinary(ModelProtoSchema, cut));
    const taken = new Set(names.filter((name) => held.has(name)));
    const drawn = masks.filter(({ input }) => names.includes(input.name));
    return new Forward(engine, inputs, taken, { ...options, masks: drawn });
  }

  /** Computes it of a batch, and of `held` as it is by now; `known` are inputs that a batch may have too. */
  async run(
    batch: Batch,
    held: readonly Taken[],
    known: Iterable<string>,
    count: number,
    doing: string,
  ): Promise<ReadonlyMap<string, Value>> {
    const { feeds, sizes } = feedsOf(batch, this.#inputs, known, doing);
    for (const [name, mask] of drawMasks(this.#masks, sizes, count, doing)) feeds.set(name, mask);
    let results: ReadonlyMap<string, Value> = new Map();
    await this.#engine.run({
      written: [],
      read: held.filter(({ name }) => this.#held.has(name)),
      numbers: new Map(),
      further: { feeds, outputs: this.#outputs, take: (values) => results = values },
      doing,
    });
    return results;
  }

  /** Gives back what it took. */
  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
