/** Images in files, decoded: PNG and JPEG. */
import { hasPngSignature } from "fast-png";
import jpeg from "jpeg-js";
import { GradusError } from "../../dsl/errors.ts";
import { type Pixels, pngPixels } from "./png.ts";

/** How many pixels an image has at most: what is larger is no example, and may be a small file all the same. */
const MOST_PIXELS = 2 ** 24;

/** The pixels of an image; `path` is what messages call it. */
export function decoded(bytes: Uint8Array, path: string): Pixels {
  const refuse = (reason: string): never => {
    throw new GradusError(`Cannot read the image \`${path}\`: ${reason}`);
  };
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isJpeg && !hasPngSignature(bytes)) return refuse("it must be a PNG or a JPEG");
  try {
    return isJpeg ? jpegPixels(bytes) : pngPixels(bytes, MOST_PIXELS, refuse);
  } catch (error) {
    if (error instanceof GradusError) throw error;
    return refuse(`its bytes must be whole: ${(error as Error).message.slice(0, 100)}`);
  }
}

function jpegPixels(bytes: Uint8Array): Pixels {
  const { data, width, height } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    maxResolutionInMP: MOST_PIXELS / 1e6,
  });
  return { pixels: data, width, height };
}
