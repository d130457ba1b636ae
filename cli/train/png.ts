/** PNG files, decoded, once it is known that they have as many bytes as their pixels take. */
import { inflateSync } from "node:zlib";
import { convertIndexedToRgb, decode } from "fast-png";
import type { Image } from "../../trainer/mod.ts";

/** The pixels of an image. */
export type Pixels = Pick<Image, "pixels" | "width" | "height">;

/** What an image is made of. Texts, profiles and moving pictures may be packed, and large. */
const CHUNKS = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
/** How many channels each colour type has. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Where an interlaced image has the pixels of each pass: from which column and row on, and how far apart. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
/** How many bytes may follow the last row, which some writers leave there. */
const MOST_BEHIND = 2 ** 16;

/** The pixels of a PNG; `refuse` is told what is wrong, unless what unpacks it throws. */
export function pngPixels(
  bytes: Uint8Array,
  mostPixels: number,
  refuse: (reason: string) => never,
): Pixels {
  const chunks = chunksOf(bytes, refuse).filter(({ type }) => CHUNKS.includes(type));
  const dataOf = (wanted: string) =>
    chunks.filter(({ type }) => type === wanted).map(({ data }) => data);
  const [header, ...further] = dataOf("IHDR");
  if (header?.length !== 13 || chunks[0].type !== "IHDR" || further.length > 0) {
    return refuse("it must begin with its header, and have one");
  }
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, type, isInterlaced] = [header[8], header[9], header[12] !== 0];
  if (width * height === 0) refuse("it must have pixels");
  if (width * height > mostPixels) refuse(`it must have at most ${mostPixels} pixels`);
  if (isInterlaced && depth < 8) refuse("it must have 8 bits a channel where it is interlaced");
  if (type === 3 && dataOf("PLTE").length === 0) refuse("it must have its palette");
  const parts = isInterlaced ? PASSES : [[0, 0, 1, 1]] as const;
  const wanted = parts.reduce((sum, [x, y, across, down]) => {
    const columns = Math.ceil((width - x) / across);
    const rows = Math.ceil((height - y) / down);
    const row = 1 + Math.ceil(columns * (CHANNELS[type] ?? 0) * depth / 8);
    return sum + (columns > 0 && rows > 0 ? rows * row : 0);
  }, 0);
  const length = unpackedLength(joined(dataOf("IDAT")), wanted + MOST_BEHIND);
  if (length < wanted || length === Infinity) {
    refuse(`its rows must have ${wanted} bytes: given ${length === Infinity ? "more" : length}`);
  }
  const own = joined([bytes.subarray(0, 8), ...chunks.map(({ whole }) => whole)]);
  return pixelsOf(decode(own, { checkCrc: true }));
}

/** How many bytes are packed; Infinity if they are more than `most`, which are not unpacked. */
function unpackedLength(packed: Uint8Array, most: number): number {
  try {
    return inflateSync(packed, { maxOutputLength: most }).length;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return Infinity;
    throw error;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** With its length, type and checksum. */
  readonly whole: Uint8Array;
}

function chunksOf(bytes: Uint8Array, refuse: (reason: string) => never): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  for (let at = 8; chunks.at(-1)?.type !== "IEND";) {
    const from = at + 8;
    const to = from <= bytes.length ? from + view.getUint32(at) : Infinity;
    if (to + 4 > bytes.length) refuse("its bytes must be whole: it ends early");
    const type = String.fromCharCode(...bytes.subarray(at + 4, from));
    chunks.push({ type, data: bytes.subarray(from, to), whole: bytes.subarray(at, to + 4) });
    at = to + 4;
  }
  return chunks;
}

function pixelsOf(image: ReturnType<typeof decode>): Pixels {
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
