/** Learns from several workers: by the gradients of all at every step, or by what each came by in rounds of many steps. */
import { averageSteps, type Optimizer, sgd } from "@gradus/gradus";
import { type Batch, crossEntropy, trainingStep } from "@gradus/gradus/train";
import type { Answer, Task, Tensors } from "./worker.ts";

/** A worker, and of how many examples it learns. */
export interface Hand {
  readonly examples: number;
  ask(task: Task): Promise<Answer>;
}

/** A worker as one who asks and is answered. */
export function handOf(worker: Worker, examples: number): Hand {
  return {
    examples,
    ask: (task) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(task);
      }),
  };
}

/** How examples of a classifier are learned. */
export const loss = crossEntropy({ logits: "logits" });

/** Gives each worker its examples, and gives the parameters of the model. */
export async function begin(
  hands: readonly Hand[],
  model: Uint8Array,
  batches: readonly Batch[],
  beside?: string,
): Promise<Tensors> {
  // What a worker does on its own in a round.
  const step = trainingStep(model, sgd({ learningRate: 0.2 }), { loss });
  const answers = await Promise.all(
    hands.map((hand, i) => hand.ask({ kind: "load", step, batch: batches[i], beside })),
  );
  return answers[0].tensors;
}

/** Gradients of all workers at every step: what one alone would do who had all examples. Gives the losses. */
export async function learnByGradients(
  hands: readonly Hand[],
  params: Tensors,
  inner: Optimizer,
  steps: number,
): Promise<number[]> {
  const optimizer = averageSteps(inner, { workers: hands.length });
  const state = optimizer.init(params);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const answers = await Promise.all(hands.map((hand) => hand.ask({ kind: "gradients", params })));
    losses.push(meanLoss(hands, answers));
    answers.forEach(({ tensors }, i) =>
      optimizer.step(params, tensors, state, { examples: hands[i].examples })
    );
  }
  return losses;
}

/** Federated averaging: in each round every worker makes steps of its own, and their parameters are averaged. Gives the losses. */
export async function learnByRounds(
  hands: readonly Hand[],
  params: Tensors,
  rounds: number,
  steps: number,
): Promise<number[]> {
  const optimizer = averageSteps(sgd({ learningRate: 1 }), { workers: hands.length });
  const state = optimizer.init(params);
  const losses: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const answers = await Promise.all(
      hands.map((hand) => hand.ask({ kind: "train", params, steps })),
    );
    losses.push(meanLoss(hands, answers));
    // The parameters change with the last report.
    const ways = answers.map(({ tensors }) => difference(params, tensors));
    ways.forEach((way, i) => optimizer.step(params, way, state, { examples: hands[i].examples }));
  }
  return losses;
}

function meanLoss(hands: readonly Hand[], answers: readonly Answer[]): number {
  const all = hands.reduce((sum, { examples }) => sum + examples, 0);
  return answers.reduce((sum, { loss }, i) => sum + loss * hands[i].examples / all, 0);
}

function difference(before: Tensors, after: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(before).map(([name, { data, shape }]) => [
      name,
      { data: (data as Float32Array).map((value, i) => value - after[name].data[i]), shape },
    ]),
  );
}
