/** How many character transformers are trained a minute of one core. */
import process from "node:process";
import {
  analyse,
  Evaluator,
  parseGenome,
  proxy,
  RIVAL_STATES,
  RIVALS,
  space,
} from "../../search/mod.ts";

/** Trains so many, after one that is not counted, and prints the rate. */
export async function charlm(count: number): Promise<void> {
  const known = space({ states: RIVAL_STATES });
  const task = proxy("charlm@1");
  const evaluator = await Evaluator.of(known, [task]);
  const adamw = analyse(known, parseGenome(known, RIVALS.adamw));
  const { score } = evaluator.evaluate(adamw);
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) evaluator.evaluate(adamw);
  const { user, system } = process.cpuUsage(began);
  const seconds = (user + system) / 1e6 / count;
  console.log(
    `charlm@1, AdamW, ${task.steps} steps, loss measured 8 times: ${
      seconds.toFixed(2)
    } seconds of one core ` +
      `each, ${(60 / seconds).toFixed(0)} a minute; score ${score.toFixed(4)}`,
  );
}
