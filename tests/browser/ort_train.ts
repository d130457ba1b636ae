/** A small network that is trained as an ONNX model, the same wherever it runs. */
import { crossEntropy, OrtTrainer, trainingStep } from "../../export/train/mod.ts";
import { adamw } from "../../mod.ts";

/** The losses of some steps, on so many threads. */
export async function train(model: Uint8Array, threads: number): Promise<number[]> {
  const step = trainingStep(model, adamw({ learningRate: 0.01 }), {
    loss: crossEntropy({ logits: "logits" }),
  });
  const trainer = await OrtTrainer.load(step, { threads });
  // Large enough for products to be shared among threads.
  const x = Float32Array.from({ length: 4096 * 8 }, (_, i) => Math.sin(i * i));
  const y = Int32Array.from({ length: 4096 }, (_, i) => x[8 * i] > 0 ? 1 : 0);
  const losses: number[] = [];
  for (let count = 0; count < 10; count++) losses.push(await trainer.step({ x, y }));
  await trainer.dispose();
  return losses;
}
