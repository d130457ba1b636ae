/** Lets a network of characters write on. */
import type { OrtTrainer } from "../../../export/train/mod.ts";
import { exampleShape, type TrainingInput } from "../../../trainer/mod.ts";
import { randomly } from "../../models/layers.ts";
import { softmax } from "./predictions.ts";

/** What writes. */
export interface Writer {
  readonly trainer: OrtTrainer;
  readonly input: TrainingInput;
  readonly output: string;
  readonly vocabulary: readonly string[];
}

/** Below 1 likely characters become likelier. */
const TEMPERATURE = 0.7;

/** So many characters after a beginning; those of the beginning that it does not know are passed over. */
export async function written(
  { trainer, input, output, vocabulary }: Writer,
  prompt: string,
  count: number,
): Promise<string> {
  const window = exampleShape(input)![0] as number;
  const numbers = new Map(vocabulary.map((each, i) => [each, i]));
  const ids = [...prompt].flatMap((each) => numbers.get(each) ?? []);
  if (ids.length === 0) ids.push(numbers.get("\n") ?? 0);
  const from = ids.length;
  const random = randomly(trainer.count + 1);
  while (ids.length < from + count) {
    const read = ids.slice(-window);
    const data = new Int32Array(window);
    data.set(read);
    const made = await trainer.evaluate({ [input.name]: { data, shape: [1, window] } }, [output]);
    const scores = made[output].data as Float32Array;
    const at = (read.length - 1) * vocabulary.length;
    const likely = softmax(
      Array.from(scores.subarray(at, at + vocabulary.length), (score) => score / TEMPERATURE),
    );
    ids.push(drawn(likely, random.uniform()));
  }
  return ids.slice(from).map((id) => vocabulary[id]).join("");
}

/** The number at which the chances up to it are more than `at`. */
function drawn(chances: readonly number[], at: number): number {
  let sum = 0;
  const found = chances.findIndex((chance) => (sum += chance) > at);
  return found < 0 ? chances.length - 1 : found;
}
