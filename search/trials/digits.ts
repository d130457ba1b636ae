/** Handwritten digits, from the package `mnist`, which is loaded when they are asked for. */
import config from "../../deno.json" with { type: "json" };
import { GradusError } from "../../dsl/errors.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Examples } from "../tasks/classifier.ts";
import type { Parts } from "./task.ts";

const SIDE = 28;
/** Images are of 14 rows of 14 means, which a small network learns in a second. */
const SMALL = 14;
const POOL = SIDE / SMALL;

/** How many of the 10,000 images are validated with and scored with; the others are trained on. */
const PARTS = { validation: 1000, test: 2000 } as const;

/** The digits, in parts that are always the same. */
export async function loadDigits(): Promise<Parts> {
  const images = await load();
  const random = new Random(0, DRAWS.data, 0);
  for (let i = images.length - 1; i > 0; i--) {
    const k = random.below(i + 1);
    [images[i], images[k]] = [images[k], images[i]];
  }
  const test = images.splice(0, PARTS.test);
  const validation = images.splice(0, PARTS.validation);
  return {
    features: SMALL * SMALL,
    classes: 10,
    train: examples(images),
    validation: examples(validation),
    test: examples(test),
  };
}

interface Image {
  readonly pixels: readonly number[];
  readonly label: number;
}

/** All images, digit after digit. */
async function load(): Promise<Image[]> {
  let digits: readonly { readonly raw: readonly number[]; readonly length: number }[];
  try {
    // Not by its bare name, of which Deno would load all 40 MB for every other command too.
    ({ default: digits } = await import(config.imports.mnist));
  } catch (error) {
    throw new GradusError(
      `Cannot load the digits: ${config.imports.mnist} must be in Deno's cache or be reached ` +
        `(the other tasks need no package): ${
          (error as Error).message.split("\n")[0].slice(0, 200)
        }`,
    );
  }
  return digits.flatMap(({ raw, length }, label) =>
    Array.from({ length }, (_, i) => ({
      pixels: raw.slice(i * SIDE * SIDE, (i + 1) * SIDE * SIDE),
      label,
    }))
  );
}

function examples(images: readonly Image[]): Examples {
  const inputs = new Float32Array(images.length * SMALL * SMALL);
  images.forEach(({ pixels }, image) => {
    pixels.forEach((grey, pixel) => {
      const [row, column] = [Math.floor(pixel / SIDE / POOL), Math.floor(pixel % SIDE / POOL)];
      inputs[(image * SMALL + row) * SMALL + column] += grey / POOL ** 2;
    });
  });
  return { inputs, labels: Uint8Array.from(images, ({ label }) => label) };
}
