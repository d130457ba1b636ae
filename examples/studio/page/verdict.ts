/** What came of a training, in a sentence. */
import type { Named } from "./curves.ts";
import { percent } from "./dom.ts";

/** Why a network learns no more: it made all steps, or its loss is no finite number. */
export type End = "done" | "lost";

/** What came of one training or two that ran somewhere. */
export function verdict(
  all: readonly Named[],
  ended: readonly (End | undefined)[],
  where: string,
): string {
  const results = all.map(({ name, lane: { scores, losses } }, i) => {
    const score = scores.at(-1);
    const text = ended[i] === "lost"
      ? "its loss is not finite"
      : score?.accuracy !== undefined
      ? `${percent(score.accuracy)} right on held-out examples`
      : score !== undefined
      ? `held-out loss ${score.loss.toPrecision(3)}`
      : `loss ${losses.at(-1)?.[1].toPrecision(3)}`;
    return all.length > 1 ? `${name}: ${text}` : text;
  });
  return `Trained ${where}: ${results.join("; ")}.`;
}
