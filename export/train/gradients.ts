/** A model with a loss and its gradients. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type NodeProto } from "onnx-buf";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { setMetadata } from "../onnx/digest.ts";
import { JOINED } from "../onnx/metadata.ts";
import { writeBackward } from "./backward.ts";
import { Graph } from "./graph.ts";
import { isLoss, type Loss, writeLosses } from "./loss.ts";
import { chooseParams } from "./params.ts";
import { capturedBy, type GraphProto, type ModelSource, readSource } from "./read.ts";
import { warningsOf } from "./warnings.ts";
import { rematerialise } from "./remat.ts";
import { cheap, rows } from "./rows/mod.ts";
import { DataType, isNamed, spellShape, type Value } from "./value.ts";

/** Options of {@linkcode withGradients}. */
export interface GradientOptions {
  /** What is made small; several losses are added. */
  readonly loss: Loss | readonly Loss[];
  /**
   * The initializers to train, by name, or by patterns in which `*` stands for any text; those after `!` are left out.
   * Default all that are parameters: those that PyTorch's newer exporter calls so; where the file does not say it, those
   * of floats with at least one dimension, finite, that are no running statistics, tables of buffers among them.
   */
  readonly params?: readonly string[];
  /**
   * What Dropout draws by, a whole number; default 0. A model that was exported in training has an input `mask/<node>` for
   * each, drawn by whoever runs it: its metadata say how.
   */
  readonly seed?: number;
  /**
   * Whether cheap activations, such as those of normalisations, softmax and element-wise operators, are made again in the
   * walk back instead of being kept for it. It takes less memory and more time, and gives the same numbers. Default false.
   */
  readonly remat?: boolean;
  /** Told what may not be meant, such as a weight that the exporter has renamed. Default `console.warn`. */
  readonly onWarning?: (warning: string) => void;
}

/** The output that is the loss. */
export const LOSS = "loss";

/** A model with its gradients, before it is bytes. */
export interface Differentiated {
  readonly model: ModelProto;
  /** The parameters, in the order of the file. */
  readonly params: readonly string[];
  /** What else changes from step to step, and the output that it becomes. */
  readonly carried: readonly string[];
  /** What the step on it computes its own numbers in. */
  readonly precision: Precision;
  /** What is computed on the way to the loss and read on the way back: it is there until then. */
  readonly kept: readonly Value[];
}

/** What the numbers of a step are computed in. */
export type Precision = "float32" | "float64";

/** What only a step wants of gradients. */
export interface StepOptions {
  /** Default that of the parameters. */
  readonly precision?: Precision;
  /** The input that the gradients are multiplied by, one number in that precision. */
  readonly lossScale?: string;
}

/**
 * `model` with a loss and its gradients: behind the model's own outputs come `loss`, one number, and for
 * each parameter `grad/<parameter>`. Labels and targets are further inputs, `y` unless the loss says otherwise.
 *
 * @example
 * ```ts
 * import { meanSquaredError, withGradients } from "@gradus/gradus/train";
 * import { GradusError } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * const loss = meanSquaredError({ output: "price" });
 * assertThrows(() => withGradients(new Uint8Array(3), { loss }), GradusError, "must be an ONNX model");
 * ```
 *
 * @throws {GradusError} if the bytes are no whole model, an operator on the way from a parameter to the loss has no
 * gradient, or a name is not there.
 */
export function withGradients(
  model: ModelSource,
  options: GradientOptions,
): Uint8Array<ArrayBuffer> {
  const written = differentiated(model, options, "Cannot give the model gradients").model;
  return toBinary(ModelProtoSchema, written) as Uint8Array<ArrayBuffer>;
}

/** The same, for what goes on with it. */
export function differentiated(
  bytes: ModelSource,
  options: GradientOptions & StepOptions,
  doing: string,
): Differentiated {
  const losses = lossesOf(options, doing);
  const { seed = 0, remat = false } = options;
  if (!Number.isSafeInteger(seed)) {
    throw new GradusError(`${doing}: \`seed\` must be a whole number: given ${shown(seed)}`);
  }
  if (typeof remat !== "boolean") {
    throw new GradusError(`${doing}: \`remat\` must be true or false: given ${shown(remat)}`);
  }
  const { model: source, factors } = readSource(bytes, doing);
  const file = source.graph!;
  const { names, named } = chooseParams(file, options.params, doing, factors);
  const own = names.filter((name) => !factors.has(name));
  const warnings = own.length === 0 ? [] : warningsOf(file, own);
  const leads = leadingTo(file, losses.flatMap(({ outputs }) => outputs));
  const isParam = new Set(names);
  const graph = new Graph(source, {
    rows,
    doing,
    params: isParam,
    leadsToLoss: (node) => leads.has(node),
  });
  const isWide = file.initializer.some(({ name, dataType }) =>
    isParam.has(name) && dataType === DataType.DOUBLE
  );
  const { lossScale, precision = isWide ? "float64" : "float32" } = options;
  const type = precision === "float64" ? DataType.DOUBLE : DataType.FLOAT;
  const scale = lossScale === undefined ? undefined : graph.within(
    "",
    { op: "Input", name: lossScale, doing },
    () => graph.input(lossScale, type, []),
  );
  const model = graph.nodes.length;
  const { loss, seeds } = writeLosses(graph, losses, scale, doing);
  const forward = graph.nodes.length;
  const walked = { model, loss: forward, seeds: seeds.map(([, seed]) => seed) };
  const gradients = writeBackward(graph, seeds);
  if (remat) rematerialise(graph, walked, cheap);
  const params = names.filter((name) => gradients.has(name));
  const { onWarning = console.warn } = options;
  const idle = [...named].find((name) => !gradients.has(name));
  if (idle !== undefined || params.length === 0) {
    throw new GradusError(
      `${doing}: the loss must depend on ${
        quoted(idle ?? names[0])
      }, and no gradient comes back to it`,
    );
  }
  for (const name of params) {
    const [from, to] = [gradients.get(name)!.shape, graph.named(name)!.shape];
    const isFitting = from?.length === to?.length &&
      from?.every((size, axis) => size === to![axis] || !isNamed(size));
    if (!isFitting) {
      throw new GradusError(
        `${doing}: the gradient of ${quoted(name)} must have its shape ${
          spellShape(to)
        }: it comes out ` +
          `as ${
            spellShape(from)
          }, so an operator of the model has shapes that are not what they are said to be`,
      );
    }
  }
  const outputs = [
    // The model's own loss may be called so too.
    ...file.output.filter(({ name }) => name !== LOSS || graph.named(name) !== loss)
      .map(({ name }) => [name, graph.named(name)!] as const),
    [LOSS, loss] as const,
    ...params.map((name) => [`grad/${name}`, gradients.get(name)!] as const),
    ...[...graph.carried].map(([name, next]) => [`next/${name}`, next] as const),
  ];
  const isTaken = outputs.find(([name], i) => outputs.findIndex(([other]) => other === name) !== i);
  if (isTaken !== undefined) {
    throw new GradusError(`${doing}: it has an output ${quoted(isTaken[0])} already: rename it`);
  }
  const isInside = outputs.find(([name, value]) =>
    graph.named(name) !== undefined && graph.named(name) !== value
  );
  if (isInside !== undefined) {
    throw new GradusError(
      `${doing}: it has a value ${
        quoted(isInside[0])
      } inside, as an output would be called: rename it`,
    );
  }
  for (const each of warnings) onWarning(each);
  const finished = graph.finish(file.name, outputs, params);
  const { irVersion, opsetImport, metadataProps, docString } = source;
  const written = create(ModelProtoSchema, {
    irVersion,
    producerName: "gradus",
    opsetImport,
    metadataProps,
    docString,
    graph: finished,
  });
  if (graph.masks.size > 0) {
    const drawn = [...graph.masks].map(([name, probability]) => [name, { probability, seed }]);
    setMetadata(written, { [JOINED.masks]: JSON.stringify(Object.fromEntries(drawn)) });
  }
  const [there, back] = [graph.nodes.slice(0, forward), graph.nodes.slice(forward)];
  const isRead = new Set(back.flatMap(({ inputs }) => inputs));
  const kept = there.flatMap(({ outputs }) => outputs.filter((value) => isRead.has(value)));
  return { model: written, params, carried: [...graph.carried.keys()], precision, kept };
}

function lossesOf({ loss }: GradientOptions, doing: string): readonly Loss[] {
  const losses = Array.isArray(loss) ? loss as readonly Loss[] : [loss as Loss];
  if (losses.length > 0 && losses.every(isLoss)) return losses;
  throw new GradusError(
    `${doing}: \`loss\` must be a loss, such as \`crossEntropy({ logits })\`, or several: given ` +
      shown(loss),
  );
}

/** The nodes that the values of these names depend on. */
function leadingTo({ node }: GraphProto, names: readonly string[]): ReadonlySet<NodeProto> {
  const needed = new Set(names);
  const found = new Set<NodeProto>();
  for (const each of node.toReversed()) {
    if (!each.output.some((name) => needed.has(name))) continue;
    found.add(each);
    for (const name of [...each.input, ...capturedBy(each)]) needed.add(name);
  }
  return found;
}
