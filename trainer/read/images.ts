/** Images that are decoded already, as a model takes them. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { type Dataset, datasetOf } from "../dataset.ts";
import { exampleShape, spellInput, type TrainingInput } from "../inputs.ts";

/** An image. */
export interface Image {
  /** Red, green, blue and opacity of each pixel, row by row, from 0 to 255: what a canvas gives. */
  readonly pixels: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** The number of its class. */
  readonly label: number;
  /** What messages call it. */
  readonly name: string;
}

/** Where a number of an example comes from: its channel, and its place among the pixels. */
interface Layout {
  readonly channels: number;
  /** The extents of an example. */
  readonly shape: readonly number[];
  /** Whether the channels of a pixel stand together. */
  readonly isTogether: boolean;
}

const DOING = "Cannot use the images";

/**
 * Images as examples of the model's only input, and their classes as labels. Numbers are from 0 to 1. One channel is the
 * brightness, three are red, green and blue; opacity is left out. The input may be [batch, channels, height, width], [batch,
 * height, width, channels], [batch, height, width], or flat.
 *
 * @throws {GradusError} if the model takes something else, or an image has another size than it takes.
 */
export function imageData(
  images: readonly Image[],
  inputs: readonly TrainingInput[],
  classes: readonly string[],
): Dataset {
  const [source, ...others] = inputs.filter(({ isTarget }) => !isTarget);
  const [target, ...further] = inputs.filter(({ isTarget }) => isTarget);
  const isFitting = source?.type.startsWith("float") && target !== undefined &&
    exampleShape(target)?.length === 0;
  if (!isFitting || others.length + further.length > 0) {
    throw new GradusError(
      `${DOING}: the model must take one array of floats, and the loss one label an image: they take ${
        inputs.map(spellInput).join("; ")
      }`,
    );
  }
  if (images.length === 0) throw new GradusError(`${DOING}: there must be images: given none`);
  const [{ width, height, name }] = images;
  const layout = layoutOf(source, images[0]);
  const { channels, isTogether } = layout;
  const area = width * height;
  const data = new Float32Array(images.length * channels * area);
  images.forEach((image, i) => {
    if (image.width !== width || image.height !== height) {
      throw new GradusError(
        `${DOING}: all must be of one size: ${quoted(name)} is ${width} x ${height} and ` +
          `${quoted(image.name)} ${image.width} x ${image.height}`,
      );
    }
    if (image.pixels.length !== 4 * area) {
      throw new GradusError(
        `${DOING}: ${quoted(image.name)} must have ${
          4 * area
        } numbers: given ${image.pixels.length}`,
      );
    }
    const own = data.subarray(i * channels * area, (i + 1) * channels * area);
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        const value = channels === 1
          ? brightness(image.pixels, 4 * pixel)
          : image.pixels[4 * pixel + channel];
        own[isTogether ? pixel * channels + channel : channel * area + pixel] = value / 255;
      }
    }
  });
  return datasetOf({
    [source.name]: { data, shape: [images.length, ...layout.shape] },
    [target.name]: {
      data: Int32Array.from(images, ({ label }) => label),
      shape: [images.length],
    },
  }, classes);
}

/** By ITU-R BT.601, in whole numbers as Pillow's mode L. */
function brightness(pixels: Image["pixels"], at: number): number {
  return (19595 * pixels[at] + 38470 * pixels[at + 1] + 7471 * pixels[at + 2] + 0x8000) >> 16;
}

function layoutOf(input: TrainingInput, { width, height, name }: Image): Layout {
  const wanted = exampleShape(input);
  const area = width * height;
  const layouts = [1, 3].flatMap((channels): Layout[] => [
    { channels, shape: [channels, height, width], isTogether: false },
    { channels, shape: [height, width, channels], isTogether: true },
    ...(channels === 1 ? [{ channels, shape: [height, width], isTogether: false }] : []),
    { channels, shape: [channels * area], isTogether: false },
  ]);
  const found = layouts.find(({ shape }) =>
    wanted?.length === shape.length &&
    wanted.every((size, axis) => typeof size !== "number" || size === shape[axis])
  );
  if (found !== undefined) return found;
  throw new GradusError(
    `${DOING}: the model takes ${spellInput(input)}, and ${
      quoted(name)
    } has ${width} x ${height} pixels: ` +
      `bring images to the model's size first`,
  );
}
