/** Images in files, decoded: PNG and JPEG. */
import { convertIndexedToRgb, decode as decodePng, hasPngSignature } from "fast-png";
import jpeg from "jpeg-js";
import { GradusError } from "../../dsl/errors.ts";
import type { Image } from "../../trainer/mod.ts";

/** How many pixels an image has at most: what is larger is no example, and may be a small file all the same. */
const MOST_PIXELS = 2 ** 24;

type Pixels = Pick<Image, "pixels" | "width" | "height">;

/** The pixels of an image; `path` is what messages call it. */
export function decoded(bytes: Uint8Array, path: string): Pixels {
  const refuse = (reason: string): never => {
    throw new GradusError(`Cannot read the image \`${path}\`: ${reason}`);
  };
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isJpeg && !hasPngSignature(bytes)) return refuse("it must be a PNG or a JPEG");
  try {
    return isJpeg ? jpegPixels(bytes) : pngPixels(bytes, refuse);
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

function pngPixels(bytes: Uint8Array, refuse: (reason: string) => never): Pixels {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.getUint32(16) * header.getUint32(20) > MOST_PIXELS) {
    refuse(`it must have at most ${MOST_PIXELS} pixels`);
  }
  if (header.getUint8(28) !== 0 && header.getUint8(24) < 8) {
    refuse("it must have 8 bits a channel where it is interlaced");
  }
  const image = decodePng(bytes, { checkCrc: true });
  const { width, height, depth, palette } = image;
  const isIndexed = palette !== undefined;
  const data = isIndexed ? convertIndexedToRgb(image) : image.data;
  const channels = isIndexed ? data.length / (width * height) : image.channels;
  const bits = isIndexed ? 8 : depth;
  const most = 2 ** bits - 1;
  const perRow = Math.ceil(width * channels * bits / 8);
  const valueAt = (row: number, place: number): number => {
    if (bits >= 8) return data[row * width * channels + place];
    const at = place * bits;
    return data[row * perRow + (at >> 3)] >> (8 - bits - (at & 7)) & most;
  };
  const pixels = new Uint8Array(4 * width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const to = 4 * (row * width + column);
      for (let channel = 0; channel < 4; channel++) {
        const isOpacity = channel === 3;
        // One or two channels are brightness, and opacity where there are two.
        const own = channels > 2 ? channel : isOpacity ? 1 : 0;
        const value = isOpacity && channels % 2 === 1
          ? most
          : valueAt(row, column * channels + own);
        pixels[to + channel] = Math.round(255 * value / most);
      }
    }
  }
  return { pixels, width, height };
}
