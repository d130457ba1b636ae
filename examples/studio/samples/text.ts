/** The sample that learns to write: a GPT of characters, made for those of a text. */
import { gptModel, gptParams } from "../../models/gpt.ts";
import { randomly } from "../../models/layers.ts";

/** How many characters the network reads at once. */
const LENGTH = 64;
/** How many different characters it knows at most; rarer ones are left out of the text. */
const MOST = 127;

/** A text as the network can learn it. */
export interface Learnable {
  readonly text: string;
  /** Its characters, in order. */
  readonly vocabulary: readonly string[];
  /** How many characters were left out, since they are rare. */
  readonly left: number;
}

/** A text without its rarest characters, if it has too many different ones. */
export function learnable(given: string): Learnable {
  const characters = [...given.replaceAll("\r\n", "\n")];
  const counts = new Map<string, number>();
  for (const each of characters) counts.set(each, (counts.get(each) ?? 0) + 1);
  const known = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST).map(([each]) => each);
  const isKnown = new Set(known);
  const kept = characters.filter((each) => isKnown.has(each));
  return { text: kept.join(""), vocabulary: known.sort(), left: characters.length - kept.length };
}

/** A network for so many characters, untrained. */
export function textModel(vocabulary: number): Uint8Array<ArrayBuffer> {
  const sizes = {
    ...{ batch: "batch", length: LENGTH, vocabulary } as const,
    ...{ width: 64, heads: 4, layers: 2 },
  };
  return gptModel(sizes, gptParams(randomly(3), sizes));
}
