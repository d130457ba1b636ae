/** The header of a safetensors file: what tensors there are, and where the bytes of each lie. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { parseOnce } from "../../dsl/json.ts";
import { bytesFor, DTYPES, isDType, type SafeDType } from "./dtypes.ts";

/** What a header says of a tensor; offsets count from the end of the header. */
export interface Entry {
  readonly name: string;
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The key that is no tensor. */
export const METADATA_KEY = "__metadata__";

/** Bytes before the header, which say how long it is. */
export const PREFIX = 8;

/** The longest header that the format allows, in bytes. */
const LONGEST_HEADER = 100_000_000;

/** The header as bytes, its length before it, padded so that what follows begins at a multiple of 8. */
export function headerBytes(
  entries: readonly Entry[],
  metadata: ReadonlyMap<string, string>,
  doing: string,
): Uint8Array<ArrayBuffer> {
  // An object would put names that are whole numbers before others.
  const members = entries.map(({ name, dtype, shape, begin, end }) =>
    `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`
  );
  if (metadata.size > 0) {
    const texts = Array.from(metadata, (entry) => entry.map((text) => JSON.stringify(text)));
    const own = texts.map(([key, text]) => `${key}:${text}`).join();
    members.unshift(`"${METADATA_KEY}":{${own}}`);
  }
  const text = new TextEncoder().encode(`{${members.join()}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > LONGEST_HEADER) {
    throw new GradusError(
      `${doing}: its header must be at most ${LONGEST_HEADER} bytes: given ${length}`,
    );
  }
  const bytes = new Uint8Array(PREFIX + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, PREFIX);
  return bytes;
}

/** A header as read: its tensors in its own order, and where the first of their bytes is. */
export interface Header {
  readonly entries: readonly Entry[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly start: number;
}

/** Where the header of a file of `size` bytes ends, by its first 8. */
export function startOf(bytes: Uint8Array, size: number, doing: string): number {
  const refuse: Refuse = refusing(doing);
  if (bytes.length < PREFIX) {
    refuse(`it must begin with the length of its header, 8 bytes`, `${bytes.length} bytes`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > LONGEST_HEADER) {
    refuse(
      `its first 8 bytes must be the length of its header, at most ${LONGEST_HEADER} bytes`,
      String(length),
    );
  }
  const start = PREFIX + Number(length);
  if (start > size) {
    refuse(`its header of ${length} bytes must lie in the file`, `a file of ${size} bytes`);
  }
  return start;
}

/**
 * Reads the header of a file of `size` bytes, of which `bytes` are the first; refuses one whose tensors are not
 * the rest of the file, each byte once.
 */
export function readHeader(bytes: Uint8Array, doing: string, size: number = bytes.length): Header {
  const refuse: Refuse = refusing(doing);
  const start = startOf(bytes, size, doing);
  const header = jsonIn(bytes.slice(PREFIX, start), refuse);
  const entries: Entry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA_KEY) metadata = metadataOf(value, refuse);
    else entries.push(entryOf(name, value, refuse));
  }
  requireCovered(entries, size - start, refuse);
  return { entries, metadata, start };
}

type Refuse = (must: string, given: string) => never;

function refusing(doing: string): Refuse {
  return (must, given) => {
    throw new GradusError(`${doing}: ${must}: given ${given}`);
  };
}

function jsonIn(bytes: Uint8Array, refuse: Refuse): object {
  if (bytes[0] !== 0x7b) {
    refuse("its header must begin with `{`", bytes.length === 0 ? "none" : `byte ${bytes[0]}`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return parseOnce(text) as object;
  } catch (error) {
    return refuse(
      "its header must be JSON in UTF-8",
      `what is none: ${(error as Error).message.slice(0, 200)}`,
    );
  }
}

function metadataOf(value: unknown, refuse: Refuse): ReadonlyMap<string, string> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord) refuse(`\`${METADATA_KEY}\` must be an object of texts`, shown(value));
  for (const [key, text] of Object.entries(value as object)) {
    if (typeof text === "string") continue;
    refuse(`${quoted(key)} in \`${METADATA_KEY}\` must be a text`, shown(text));
  }
  return new Map(Object.entries(value as Record<string, string>));
}

function entryOf(name: string, value: unknown, refuse: Refuse): Entry {
  const must = (what: string, given: string) =>
    refuse(`tensor ${quoted(name)} must ${what}`, given);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    must("be an object", shown(value));
  }
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (!isDType(dtype)) {
    const near = typeof dtype === "string" ? suggestion(dtype, DTYPES) : "";
    return must(`have a \`dtype\` that the format knows`, `${shown(dtype)}${near}`);
  }
  if (!isCounts(shape)) return must("have a `shape` of whole numbers from 0", shownList(shape));
  if (!isCounts(offsets) || offsets.length !== 2) {
    return must("have two `data_offsets`, whole numbers from 0", shownList(offsets));
  }
  const [begin, end] = offsets;
  if (begin > end) must("end where it begins or after", `data_offsets [${begin}, ${end}]`);
  const bytes = bytesFor(dtype, shape);
  if (bytes === undefined) must("have a size below 2^53", `shape ${shownList(shape)}`);
  if (bytes !== end - begin) {
    must(`take ${bytes} bytes, being ${dtype} of shape ${shownList(shape)}`, `${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) &&
    value.every((each) => Number.isSafeInteger(each) && each >= 0 && !Object.is(each, -0));
}

function shownList(value: unknown): string {
  if (!Array.isArray(value)) return shown(value);
  const some = value.slice(0, 8).map(shown).join(", ");
  return `[${some}${value.length > 8 ? ", …" : ""}]`;
}

/** Refuses tensors that do not lie one after another, from the first byte to the last. */
function requireCovered(entries: readonly Entry[], size: number, refuse: Refuse): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted(byPlace)) {
    if (begin !== at) {
      const what = begin > at ? "a hole" : "an overlap";
      refuse(
        `tensor ${quoted(name)} must begin where the one before it ends, at ${at}`,
        `${what}, ${begin}`,
      );
    }
    if (end > size) {
      refuse(`tensor ${quoted(name)} must end in the file, by ${size}`, `${end}`);
    }
    at = end;
  }
  if (at !== size) {
    refuse(`its tensors must be all that follows its header, ${size} bytes`, `${at}`);
  }
}

function byPlace(a: Entry, b: Entry): number {
  return a.begin - b.begin || a.end - b.end;
}
