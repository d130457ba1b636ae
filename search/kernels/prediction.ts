/** The loss of predicted classes: softmax with cross entropy, and its gradient. */
import type { Code } from "../../runtime/backends/wasm/code.ts";
import type { Module } from "../../runtime/backends/wasm/module.ts";
import { log } from "../programs/exact_math.ts";
import type { Kernel, Region } from "./kernel.ts";
import { softmax } from "./rows.ts";

/** How much is predicted: so many times one of so many characters, a multiple of 4. */
export interface PredictionSizes {
  readonly places: number;
  readonly characters: number;
}

/** The functions of a prediction. */
export function predictionFunctions(
  module: Module,
  added: Map<string, number>,
  { places, characters }: PredictionSizes,
): Code[] {
  return [softmax("predict", module, { width: characters, weight: 1 / places }, added)];
}

/**
 * The prediction of a kernel: a function that gives the mean loss of scores, a row a place, and of what is
 * right there, and turns the scores into their gradient.
 */
export function prediction(
  kernel: Kernel,
  { places, characters }: PredictionSizes,
): (scores: Region, right: (place: number) => number) => number {
  const notes = kernel.take(2 * places);
  return (scores, right) => {
    const { data } = scores;
    let sum = 0;
    for (let place = 0; place < places; place++) sum -= data[place * characters + right(place)];
    kernel.run.predict(scores.at, notes.at, 0, places);
    for (let place = 0; place < places; place++) {
      sum += notes.data[2 * place] + log(notes.data[2 * place + 1]);
      data[place * characters + right(place)] -= 1 / places;
    }
    return sum / places;
  };
}
