/// <reference lib="dom" />
/** Folders of images, decoded by the browser and brought to the size that a model takes. */
import { GradusError } from "../../../mod.ts";
import { exampleShape, type Image, type TrainingInput } from "../../../trainer/mod.ts";
import type { GivenFile } from "../protocol.ts";

/** Images with the names of their classes. */
export interface Decoded {
  readonly images: readonly Image[];
  readonly classes: readonly string[];
  readonly notes: readonly string[];
}

const DOING = "Cannot use the images";
/** How many images are decoded at once. */
const AT_ONCE = 64;

/**
 * Decodes images; the folder of each is its class, and classes are in the order of the alphabet.
 *
 * @throws {GradusError} if an image is in no folder, or cannot be decoded.
 */
export async function decoded(
  files: readonly GivenFile[],
  inputs: readonly TrainingInput[],
): Promise<Decoded> {
  const sorted = files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const classes = [...new Set(sorted.map(classOf))].sort();
  const wanted = sizeOf(inputs);
  const images: Image[] = [];
  let [scaled, given] = [0, ""];
  for (let at = 0; at < sorted.length; at += AT_ONCE) {
    const part = await Promise.all(
      sorted.slice(at, at + AT_ONCE).map(async (each) => {
        const bitmap = await bitmapOf(each);
        const [height, width] = wanted ?? [bitmap.height, bitmap.width];
        if (bitmap.width !== width || bitmap.height !== height) {
          scaled++;
          given ||= `${bitmap.width} × ${bitmap.height}`;
        }
        const context = new OffscreenCanvas(width, height).getContext("2d")!;
        context.imageSmoothingQuality = "high";
        context.drawImage(bitmap, 0, 0, width, height);
        bitmap.close();
        const { data: pixels } = context.getImageData(0, 0, width, height);
        return { pixels, width, height, label: classes.indexOf(classOf(each)), name: each.path };
      }),
    );
    images.push(...part);
  }
  const notes = scaled === 0 ? [] : [
    `${scaled} images were brought to ${wanted![1]} × ${wanted![0]} pixels, such as of ${given}.`,
  ];
  return { images, classes, notes };
}

function classOf({ path }: GivenFile): string {
  const folder = path.split("/").at(-2);
  if (folder !== undefined && folder !== "") return folder;
  throw new GradusError(
    `${DOING}: each must be in a folder that is called as what it shows: given \`${path}\` in none; choose ` +
      "the folder that holds those folders",
  );
}

async function bitmapOf({ path, file }: GivenFile): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new GradusError(`${DOING}: \`${path}\` cannot be decoded: it is damaged, or no image`);
  }
}

/** The height and width that a model takes, if it says so. */
function sizeOf(inputs: readonly TrainingInput[]): readonly [number, number] | undefined {
  const source = inputs.find(({ isTarget }) => !isTarget);
  const shape = source && exampleShape(source);
  if (shape === undefined) return undefined;
  const isColour = (size: unknown) => size === 1 || size === 3;
  const [height, width] = shape.length === 2
    ? shape
    : shape.length === 3 && isColour(shape[0])
    ? shape.slice(1)
    : shape.length === 3 && isColour(shape[2])
    ? shape
    : [];
  return typeof height === "number" && typeof width === "number" ? [height, width] : undefined;
}
