/** Text as examples for a language model of characters: windows, and what follows each character. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { type Dataset, datasetOf } from "../dataset.ts";
import { exampleShape, isWhole, spellInput, type TrainingInput } from "../inputs.ts";

/** How text is cut. */
export interface TextOptions {
  /** The characters that the model knows, in order. Default: those of the text, sorted. */
  readonly vocabulary?: readonly string[];
  /** How long a window is where the model leaves it open. Default 64. */
  readonly length?: number;
}

const DOING = "Cannot use the text";

/**
 * Text as windows of characters: each is an example of the model's only input, and the same moved on by one is what the
 * loss wants. Windows do not overlap, so that no text that is held out is trained on.
 *
 * @throws {GradusError} if the model takes something else, the text is shorter than two windows, or has a
 * character that is not in the vocabulary.
 */
export function textData(
  text: string,
  inputs: readonly TrainingInput[],
  { vocabulary, length = 64 }: TextOptions = {},
): Dataset {
  const [source, ...others] = inputs.filter(({ isTarget }) => !isTarget);
  const [target, ...further] = inputs.filter(({ isTarget }) => isTarget);
  const isFitting = [source, target].every((each) =>
    each !== undefined && isWhole(each) && exampleShape(each)?.length === 1
  );
  if (!isFitting || others.length + further.length > 0) {
    throw new GradusError(
      `${DOING}: the model must take whole numbers [batch, length], and the loss the same: it takes ${
        inputs.map(spellInput).join("; ")
      }`,
    );
  }
  const characters = [...text];
  const known = vocabulary ?? [...new Set(characters)].sort();
  const numbers = new Map(known.map((character, i) => [character, i]));
  const [open] = exampleShape(source)!;
  const window = typeof open === "number" ? open : length;
  const count = Math.floor((characters.length - 1) / window);
  if (count < 2) {
    throw new GradusError(
      `${DOING}: it must have at least ${
        2 * window + 1
      } characters, for two windows of ${window}: given ` +
        `${characters.length}`,
    );
  }
  const ids = Int32Array.from(characters, (character, at) => {
    const id = numbers.get(character);
    if (id !== undefined) return id;
    const line = characters.slice(0, at).filter((each) => each === "\n").length + 1;
    throw new GradusError(
      `${DOING}: each character must be one of the ${known.length} that the model knows: given ${
        quoted(shown(character))
      } in line ${line}`,
    );
  });
  const shape = [count, window];
  return datasetOf({
    [source.name]: { data: ids.slice(0, count * window), shape },
    [target.name]: { data: ids.slice(1, count * window + 1), shape },
  }, known);
}
