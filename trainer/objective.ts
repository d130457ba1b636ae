/** What a training makes small, as a command or a page says it: a loss, and the score that people read beside it. */
import { GradusError, quoted, shown, suggestion } from "../dsl/errors.ts";
import type { BatchTensor } from "../export/ort/mod.ts";
import { crossEntropy } from "../export/train/cross_entropy.ts";
import type { Loss } from "../export/train/loss.ts";
import { binaryCrossEntropy, lossOutput, meanSquaredError } from "../export/train/losses.ts";
import type { Dataset } from "./dataset.ts";

/** A loss, and how answers are told right from wrong. */
export interface Objective {
  readonly loss: Loss;
  /** The output of the model that it is of. */
  readonly output: string;
  /** Undefined where no answer is right or wrong, as of a price. */
  readonly accuracy?: Accuracy;
}

/** What counts the answers that are right. */
export interface Accuracy {
  /** Counts them among the answers of `output`, and how many there are. */
  count(
    answers: BatchTensor,
    labels: BatchTensor,
  ): { readonly right: number; readonly all: number };
  /** Refuses data with labels that are no class of answers of this shape. */
  requireLabels(data: Dataset, shape: readonly unknown[]): void;
}

/** The input of what the loss wants, as the losses call it where nobody says otherwise. */
const LABELS = "y";

/** The losses by their names: what makes one of an output, and an axis where it takes one. */
const LOSSES: Readonly<
  Record<string, (output: string, axis?: number) => Omit<Objective, "output">>
> = {
  crossEntropy: (logits, axis) => ({
    loss: crossEntropy({ logits, axis }),
    accuracy: ofClasses(axis),
  }),
  binaryCrossEntropy: (logits) => ({ loss: binaryCrossEntropy({ logits }), accuracy: OF_TWO }),
  meanSquaredError: (output) => ({ loss: meanSquaredError({ output }) }),
  lossOutput: (name) => ({ loss: lossOutput(name) }),
};

/** The names of the losses. */
export const LOSS_NAMES: readonly string[] = Object.keys(LOSSES);

/**
 * The objective that a text such as `crossEntropy:logits` names; `crossEntropy:logits:-1` says the axis of the classes.
 *
 * @throws {GradusError} if there is no such loss, or it has no output.
 */
export function objectiveOf(text: string): Objective {
  const doing = "Cannot read the loss";
  const [, name, output, axis] = /^([^:]*)(?::(.*?))?(?::(-?\d+))?$/s.exec(text) ?? [];
  if (!Object.hasOwn(LOSSES, name)) {
    throw new GradusError(
      `${doing}: it must be LOSS:OUTPUT, and LOSS one of ${LOSS_NAMES.join(", ")}: given ` +
        `${shown(text)}${suggestion(name, LOSS_NAMES)}`,
    );
  }
  if (output === undefined || output === "") {
    throw new GradusError(
      `${doing}: it must say of which output, such as ${quoted(`${name}:logits`)}: given ${
        shown(text)
      }`,
    );
  }
  if (axis !== undefined && name !== "crossEntropy") {
    throw new GradusError(`${doing}: only crossEntropy takes an axis: given ${shown(text)}`);
  }
  const own = LOSSES[name](output, axis === undefined ? undefined : Number(axis));
  return { ...own, output };
}

/** Answers by scores of classes along an axis: the highest is the answer. Labels below 0 are not counted. */
function ofClasses(given: number = 1): Accuracy {
  const axisOf = (shape: readonly unknown[]) =>
    shape.length === 1 ? 0 : given < 0 ? given + shape.length : given;
  return {
    count({ data: scores, shape }, { data: labels }) {
      const axis = axisOf(shape);
      const classes = shape[axis];
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      let [right, all] = [0, 0];
      for (let i = 0; i < labels.length; i++) {
        const label = Number(labels[i]);
        if (label < 0) continue;
        const at = Math.floor(i / inner) * classes * inner + i % inner;
        let best = 0;
        for (let c = 1; c < classes; c++) {
          if (scores[at + c * inner] > scores[at + best * inner]) best = c;
        }
        all++;
        if (best === label) right++;
      }
      return { right, all };
    },
    requireLabels({ arrays, classes: words }, shape) {
      const classes = shape[axisOf(shape)];
      const labels = Object.hasOwn(arrays, LABELS) ? arrays[LABELS].data : [];
      if (typeof classes !== "number") return;
      for (let i = 0; i < labels.length; i++) {
        const label = Number(labels[i]);
        // Labels of -100 do not count.
        if (label < classes && (label >= 0 || label === -100)) continue;
        const what = words === undefined
          ? `${label}`
          : `${words.length} different ones, ${shown(words[label])} among them`;
        throw new GradusError(
          `Cannot use the data: the model has ${classes} classes, so labels must be from 0 to ` +
            `${classes - 1}${
              words === undefined ? "" : " or as many words"
            }: given ${what} in example ${i + 1}`,
        );
      }
    },
  };
}

/** Answers of yes above 0 and no below. */
const OF_TWO: Accuracy = {
  count({ data: scores }, { data: labels }) {
    let right = 0;
    for (let i = 0; i < labels.length; i++) {
      if (scores[i] > 0 === Number(labels[i]) > 0.5) right++;
    }
    return { right, all: labels.length };
  },
  requireLabels({ arrays }) {
    const labels = Object.hasOwn(arrays, LABELS) ? arrays[LABELS].data : [];
    for (let i = 0; i < labels.length; i++) {
      const label = Number(labels[i]);
      if (label >= 0 && label <= 1) continue;
      throw new GradusError(
        `Cannot use the data: what the loss wants must be from 0 to 1: given ${label} in example ${
          i + 1
        }`,
      );
    }
  },
};
