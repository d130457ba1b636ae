/**
 * A transformer that predicts the next character, and its gradient, as batched kernels in WebAssembly. Each
 * block adds to a stream what causal attention gathers, then what a layer with squared ReLU gives; both read
 * the stream behind a root-mean-square norm.
 */
import { attentionFunctions, attentionOf, type AttentionSizes } from "./attention.ts";
import { Kernel } from "./kernel.ts";
import { linearFunctions, linearLayers } from "./linear.ts";
import { prediction, predictionFunctions } from "./prediction.ts";
import {
  rootMeanSquareNorm,
  rootMeanSquareNormGradient,
  squaredRelu,
  squaredReluGradient,
} from "./rows.ts";

/** The sizes of a transformer; all are multiples of 4 but for `batch`, `heads` and `blocks`. */
export interface TransformerSizes extends AttentionSizes {
  /** Characters that are told apart. */
  readonly characters: number;
  /** Units of the layer of a block. */
  readonly hidden: number;
  readonly blocks: number;
}

/** A transformer of given sizes: all that it remembers from one call to the next is memory. */
export interface Transformer {
  /** The shapes of its tensors; weights are inputs × outputs. */
  readonly shapes: readonly (readonly number[])[];
  /** How far the numbers of each tensor are from 0 at the start; where that is 0 they are 1. */
  readonly spreads: readonly number[];
  /** The mean loss of `batch` sequences of `context + 1` characters; its gradient, if there is room for it. */
  loss(w: Float32Array, text: Uint8Array, gradient?: Float32Array): number;
}

/** Makes a transformer. */
export function transformer(sizes: TransformerSizes): Transformer {
  const { characters, context, batch, width, hidden, blocks } = sizes;
  const places = batch * context;
  const rows = { rows: places };
  const layerSizes = [
    { name: "attention", ...rows, inputs: width, outputs: 3 * width },
    { name: "joined", ...rows, inputs: width, outputs: width, added: "results" },
    { name: "up", ...rows, inputs: width, outputs: hidden },
    { name: "down", ...rows, inputs: hidden, outputs: width, added: "results" },
    { name: "head", ...rows, inputs: width, outputs: characters },
  ] as const;
  const kernel = new Kernel((module, added) => [
    ...layerSizes.flatMap(linearFunctions),
    ...attentionFunctions(module, added, sizes),
    ...predictionFunctions(module, added, { places, characters }),
    rootMeanSquareNorm("norm", width),
    rootMeanSquareNormGradient("norm.gradient", width),
    squaredRelu("activate"),
    squaredReluGradient("activate.gradient"),
  ]);
  const { run } = kernel;
  const layers = linearLayers(kernel, layerSizes);
  const attention = attentionOf(kernel, sizes);
  const predict = prediction(kernel, { places, characters });

  const [first, deep] = [Math.sqrt(1 / width), Math.sqrt(2 * blocks)];
  const tensors: { readonly shape: readonly number[]; readonly spread: number }[] = [];
  let count = 0;
  /** Adds a tensor, and gives its place among the parameters, in bytes. */
  const tensor = (shape: readonly number[], spread: number): number => {
    tensors.push({ shape, spread });
    const at = 4 * count;
    count += shape.reduce((a, b) => a * b);
    return at;
  };
  const taken = (size: number) => kernel.take(places * size);
  /** A norm's gain, and what its gradient needs. */
  const norm = () => ({
    gain: tensor([width], 0),
    normalized: taken(width),
    factors: taken(1),
    result: taken(width),
  });
  const embedding = {
    characters: tensor([characters, width], 0.5),
    places: tensor([context, width], 0.5),
  };
  const kept = Array.from({ length: blocks }, () => ({
    attentionNorm: norm(),
    attention: tensor([width, 3 * width], first),
    joined: tensor([width, width], first / deep),
    layerNorm: norm(),
    up: tensor([width, hidden], first),
    down: tensor([hidden, width], Math.sqrt(1 / hidden) / deep),
    asked: taken(3 * width),
    chances: attention.chances(),
    gathered: taken(width),
    units: taken(hidden),
    active: taken(hidden),
  }));
  const last = norm();
  const head = tensor([width, characters], first / 2);
  const [weights, gradients] = [kernel.take(count), kernel.take(count)];
  const [stream, scores] = [taken(width), taken(characters)];
  const slope = {
    stream: taken(width),
    inputs: taken(width),
    asked: taken(3 * width),
    active: taken(hidden),
  };
  const w = (tensor: number) => weights.at + tensor;
  const g = (tensor: number) => gradients.at + tensor;

  /** Visits each place: where its numbers are in the stream, and those of its character and of its position. */
  const overPlaces = (
    text: Uint8Array,
    visit: (at: number, character: number, position: number) => void,
  ) => {
    for (let place = 0; place < places; place++) {
      const position = place % context;
      const sequence = (place - position) / context;
      const character = text[sequence * (context + 1) + position];
      visit(
        place * width,
        embedding.characters / 4 + character * width,
        embedding.places / 4 + position * width,
      );
    }
  };
  const normalize = ({ result, normalized, factors, gain }: typeof last) =>
    run.norm(result.at, normalized.at, factors.at, stream.at, w(gain), places);
  const throughNorm = ({ normalized, factors, gain }: typeof last) =>
    run["norm.gradient"](
      ...[slope.stream.at, g(gain), slope.inputs.at],
      ...[normalized.at, factors.at, w(gain), places],
    );

  const forward = (text: Uint8Array): number => {
    const [to, from] = [stream.data, weights.data];
    overPlaces(text, (at, character, position) => {
      for (let i = 0; i < width; i++) to[at + i] = from[character + i] + from[position + i];
    });
    for (const block of kept) {
      const { attentionNorm, asked, chances, gathered, layerNorm, units, active } = block;
      normalize(attentionNorm);
      layers.attention.forward(asked.at, attentionNorm.result.at, w(block.attention));
      attention.forward(gathered, asked, chances);
      layers.joined.forward(stream.at, gathered.at, w(block.joined));
      normalize(layerNorm);
      layers.up.forward(units.at, layerNorm.result.at, w(block.up));
      run.activate(active.at, units.at, places * hidden / 4);
      layers.down.forward(stream.at, active.at, w(block.down));
    }
    normalize(last);
    layers.head.forward(scores.at, last.result.at, w(head));
    return predict(scores, (place) => text[place + 1 + Math.floor(place / context)]);
  };

  /** From the gradient of the scores back to that of all parameters. */
  const backward = (text: Uint8Array): void => {
    gradients.data.fill(0);
    slope.stream.data.fill(0);
    layers.head.gradient(g(head), last.result.at, scores.at);
    layers.head.back(slope.inputs.at, scores.at, w(head));
    throughNorm(last);
    for (const block of kept.toReversed()) {
      const { attentionNorm, asked, chances, gathered, layerNorm, units, active } = block;
      layers.down.gradient(g(block.down), active.at, slope.stream.at);
      layers.down.back(slope.active.at, slope.stream.at, w(block.down));
      run["activate.gradient"](slope.active.at, units.at, places * hidden / 4);
      layers.up.gradient(g(block.up), layerNorm.result.at, slope.active.at);
      layers.up.back(slope.inputs.at, slope.active.at, w(block.up));
      throughNorm(layerNorm);
      layers.joined.gradient(g(block.joined), gathered.at, slope.stream.at);
      layers.joined.back(slope.inputs.at, slope.stream.at, w(block.joined));
      attention.back(slope.asked, slope.inputs, asked, chances);
      layers.attention.gradient(g(block.attention), attentionNorm.result.at, slope.asked.at);
      layers.attention.back(slope.inputs.at, slope.asked.at, w(block.attention));
      throughNorm(attentionNorm);
    }
    const [to, from] = [gradients.data, slope.stream.data];
    overPlaces(text, (at, character, position) => {
      for (let i = 0; i < width; i++) {
        to[character + i] += from[at + i];
        to[position + i] += from[at + i];
      }
    });
  };

  return {
    shapes: tensors.map(({ shape }) => shape),
    spreads: tensors.map(({ spread }) => spread),
    loss(given, text, gradient) {
      weights.data.set(given);
      const loss = forward(text);
      if (gradient !== undefined) {
        backward(text);
        gradient.set(gradients.data);
      }
      return loss;
    },
  };
}
