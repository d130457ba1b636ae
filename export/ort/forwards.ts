/** The parts of a joined model that run without a step, each opened when it is first asked for. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { valueInfo } from "../onnx/proto.ts";
import type { Batch } from "./batch.ts";
import type { Taken } from "./engine.ts";
import { Forward } from "./forward.ts";
import type { Joined } from "./joined.ts";
import { keptModel } from "./weights.ts";
import { openEngine, type WhereOptions } from "./where.ts";

/** How many are remembered. */
const MOST = 4;

/** What of a joined model runs without a step. */
export class Forwards {
  readonly #bytes: Uint8Array;
  readonly #joined: Joined;
  readonly #held: Set<string>;
  readonly #where: WhereOptions;
  /** By the outputs that they give, the last used last. */
  readonly #opened = new Map<string, Promise<Forward>>();
  #gradients: Promise<Forward> | undefined;

  constructor(bytes: Uint8Array, joined: Joined, where: WhereOptions) {
    [this.#bytes, this.#joined, this.#where] = [bytes, joined, where];
    this.#held = new Set([...joined.gradients.keys(), ...joined.carried]);
    for (const { name } of joined.kept) this.#held.add(name);
  }

  /** What gives these outputs. */
  async of(outputs: readonly string[], doing: string): Promise<Forward> {
    const key = JSON.stringify(outputs);
    const known = this.#opened.get(key);
    const opened = known ?? this.#open(outputs, doing);
    this.#opened.delete(key);
    const forward = await opened;
    this.#opened.set(key, opened);
    for (const [oldest, each] of [...this.#opened].slice(0, -MOST)) {
      this.#opened.delete(oldest);
      await (await each).dispose();
    }
    return forward;
  }

  /** Says which parameter's gradient on a batch is the first that is not finite. */
  async blame(
    batch: Batch,
    held: readonly Taken[],
    count: number,
    doing: string,
  ): Promise<string> {
    const { gradients, known } = this.#joined;
    const forward = await this.#openGradients({}, doing);
    try {
      const values = await forward.run(batch, held, known, count, doing);
      for (const [name, gradient] of gradients) {
        const { data } = values.get(gradient)!;
        if ((data as Float32Array).every(Number.isFinite)) continue;
        return `the first parameter whose gradient is not finite is ${quoted(name)}`;
      }
      return "all gradients are finite";
    } finally {
      await forward.dispose();
    }
  }

  /** What gives the loss and the gradients. */
  gradients(doing: string): Promise<Forward> {
    return this.#gradients ??= this.#openGradients(this.#where, doing);
  }

  /** Gives back what they took. */
  async dispose(): Promise<void> {
    await (await this.#gradients)?.dispose();
    for (const each of this.#opened.values()) await (await each).dispose();
  }

  #openGradients(where: WhereOptions, doing: string): Promise<Forward> {
    const { gradients, read, masks, loss } = this.#joined;
    const params = new Map(read.model.inputs.map((input) => [input.name, input]));
    const model = fromBinary(ModelProtoSchema, this.#bytes);
    const outputs = [...gradients].map(([name, gradient]) => {
      const { type, shape } = params.get(`w/${name}`)!;
      return create(ValueInfoProtoSchema, valueInfo(gradient, type, shape));
    });
    return Forward.open(model, {
      outputs: [...outputs, model.graph!.output.find(({ name }) => name === loss)!],
      held: this.#held,
      masks,
      open: (bytes) => openEngine(bytes, new Set(), where, "disabled", doing),
    }, doing);
  }

  #open(outputs: readonly string[], doing: string): Promise<Forward> {
    const { outputs: own, masks } = this.#joined;
    const kept = keptModel(this.#bytes, this.#joined, doing);
    const inferred = new Set(kept?.graph?.output.map(({ name }) => name));
    requireOutputs(outputs, [...new Set([...inferred, ...own])], doing);
    // What is trained has the loss, and may compute in another way what both have.
    const model = kept !== undefined && outputs.every((name) => inferred.has(name))
      ? kept
      : fromBinary(ModelProtoSchema, this.#bytes);
    const values = new Map(model.graph!.output.map((value) => [value.name, value]));
    return Forward.open(model, {
      outputs: [...new Set(outputs)].map((name): ValueInfoProto => values.get(name)!),
      held: this.#held,
      // Nothing is dropped where nothing is trained.
      masks: masks.map((mask) => ({ ...mask, probability: 0 })),
      open: (bytes) => openEngine(bytes, new Set(), this.#where, "disabled", doing),
    }, doing);
  }
}

/** Refuses what is no output of a model. */
export function requireOutputs(asked: unknown, names: readonly string[], doing: string): void {
  if (!Array.isArray(asked)) {
    throw new GradusError(`${doing}: \`outputs\` must be a list of names: given ${shown(asked)}`);
  }
  const wrong: unknown = asked.find((name) => !names.includes(name));
  if (wrong === undefined) return;
  const given = typeof wrong === "string" ? quoted(wrong) : shown(wrong);
  const near = typeof wrong === "string" ? suggestion(wrong, names) : "";
  throw new GradusError(`${doing}: the model has no output ${given}${near}`);
}
