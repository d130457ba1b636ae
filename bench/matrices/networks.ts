/** The networks that are trained, on handwritten digits of 8 x 8: their first weights, and who computes gradients. */
import { type MatricesOption, sgd } from "@gradus/gradus";
import { OrtTrainer } from "@gradus/gradus/ort";
import { crossEntropy, trainingStep } from "@gradus/gradus/train";
import { type Batch, batches, type Digits, loadDigits, PIXELS } from "../../examples/digits.ts";
import { convolutionalModel, convolutionalParams } from "../../examples/models/convolutional.ts";
import { linear, type Random, randomly } from "../../examples/models/layers.ts";
import { ModelWriter, type Parameters } from "../../examples/models/writer.ts";

/** Images and what they show, as the networks take them. */
export interface Examples {
  readonly x: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly y: { readonly data: BigInt64Array; readonly shape: readonly number[] };
}

/** A network to be trained. */
export interface Network {
  readonly name: string;
  /** The shape of an image. */
  readonly image: readonly number[];
  /** What matrix optimizers see its parameters as. */
  readonly matrices: MatricesOption;
  /** Its first weights, the same for the same seed. */
  params(seed: number): Parameters;
  /** The bytes of its inference model. */
  model(params: Parameters): Uint8Array<ArrayBuffer>;
}

/** What a network learns from, and what it is held against: while settings are chosen, and afterwards. */
export interface Data {
  readonly train: Digits;
  readonly chosenBy: Digits;
  readonly heldOut: Digits;
}

/** How many images make a batch. */
export const BATCH = 64;
/** Rows and columns of an image: 28 less a margin of 2 on each side, in cells of 3 x 3. */
const [SIDE, MARGIN, CELL] = [8, 2, 3];
const CLASSES = 10;

const MLP = [SIDE * SIDE, 64, 64, CLASSES];
const CONVOLUTIONAL = { batch: "batch", channels: [8, 16], side: SIDE } as const;

/** The networks, by what they are called on the command line. */
export const NETWORKS: Readonly<Record<string, Network>> = {
  mlp: {
    name: `MLP ${MLP.join("-")}`,
    image: [SIDE * SIDE],
    matrices: true,
    params: (seed) => {
      const random = randomly(seed);
      return Object.assign({}, ...layersOf(random));
    },
    model(params) {
      const to = new ModelWriter();
      const hidden = ["fc1", "fc2"].reduce((x, layer) => to.add("Relu", [to.gemm(x, layer)]), "x");
      const x = { type: "float32", shape: ["batch", SIDE * SIDE] } as const;
      return to.finish(x, to.gemm(hidden, "fc3"), ["batch", CLASSES], params);
    },
  },
  cnn: {
    name: `convolutional net, ${CONVOLUTIONAL.channels.join(" and ")} channels`,
    image: [1, SIDE, SIDE],
    // A kernel is one matrix of (inputs of all its places) x outputs: what "flatten" makes of kernels with outputs last.
    matrices: {
      match: [["conv*weight", { reductionAxis: [1, 2, 3], outputAxis: 0 }], ["*", true]],
    },
    params: (seed) => convolutionalParams(randomly(seed), CONVOLUTIONAL),
    model: (params) => convolutionalModel(CONVOLUTIONAL, params),
  },
};

function layersOf(random: Random): Parameters[] {
  return MLP.slice(1).map((to, i) => linear(random, `fc${i + 1}`, MLP[i], to));
}

/** What computes losses and gradients of a network for any parameters; its own optimizer makes no step. */
export function gradientsOf(network: Network): Promise<OrtTrainer> {
  const loss = crossEntropy({ logits: "logits" });
  const model = network.model(network.params(1));
  return OrtTrainer.load(trainingStep(model, sgd({ learningRate: 0 }), { loss }), { threads: 1 });
}

/** The digits: 8,000 to train on, 1,000 to choose settings by, 1,000 that nothing was chosen by. */
export function loadData(): Data {
  const { train, test } = loadDigits();
  const half = (from: number, to: number) => ({
    images: test.images.slice(from * PIXELS, to * PIXELS),
    labels: test.labels.slice(from, to),
    count: to - from,
  });
  return { train, chosenBy: half(0, 1000), heldOut: half(1000, 2000) };
}

/** As many batches as are taken, from epoch to epoch in orders that the seed says. */
export function* batchesOf(network: Network, digits: Digits, seed: number): Generator<Examples> {
  for (let epoch = 0;; epoch++) {
    for (const batch of batches(digits, BATCH, 1000 * seed + epoch)) {
      yield examplesOf(network, batch);
    }
  }
}

/** Digits as a network takes them. */
export function examplesOf({ image }: Network, { images, labels }: Batch): Examples {
  return {
    x: { data: shrunk(images), shape: [labels.length, ...image] },
    y: { data: BigInt64Array.from(labels, BigInt), shape: [labels.length] },
  };
}

/** Images of 28 x 28 as images of means. */
function shrunk(images: Float32Array): Float32Array {
  const width = Math.sqrt(PIXELS);
  const cells = SIDE * SIDE;
  return Float32Array.from({ length: images.length / PIXELS * cells }, (_, i) => {
    const [row, column] = [Math.floor(i % cells / SIDE), i % SIDE];
    const corner = Math.floor(i / cells) * PIXELS + (MARGIN + CELL * row) * width + MARGIN +
      CELL * column;
    let sum = 0;
    for (let dy = 0; dy < CELL; dy++) {
      for (let dx = 0; dx < CELL; dx++) sum += images[corner + dy * width + dx];
    }
    return sum / CELL ** 2;
  });
}
