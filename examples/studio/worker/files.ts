/// <reference lib="dom" />
/** Files of examples, told apart by their names and read as a model takes them. */
import { GradusError } from "../../../mod.ts";
import {
  type Dataset,
  fitted,
  imageData,
  readCsv,
  readNpy,
  readTensors,
  tableData,
  textData,
  textOf,
  type TrainingInput,
} from "../../../trainer/mod.ts";
import { DATA_KINDS } from "../file_kinds.ts";
import type { GivenFile } from "../protocol.ts";
import { decoded } from "./images.ts";

/** What was read, and what a person should know of it. */
export interface ReadData {
  readonly data: Dataset;
  readonly notes: readonly string[];
}

/** What a model takes, and the characters that it knows if it reads text. */
export interface Taken {
  readonly inputs: readonly TrainingInput[];
  readonly vocabulary?: readonly string[];
}

type Reader = (files: readonly GivenFile[], taken: Taken) => Promise<ReadData>;

const DOING = "Cannot use these files";

const plain = (data: Dataset): ReadData => ({ data, notes: [] });

/** How files are read, by how their names end. */
const READERS: readonly (readonly [ends: RegExp, what: string, read: Reader])[] = [
  [DATA_KINDS.table, "one table (.csv)", async (files, { inputs }) => {
    return plain(tableData(readCsv(await bytesOf(only(files, "table"))), inputs));
  }],
  [DATA_KINDS.tensors, "one .safetensors", async (files, { inputs }) => {
    return plain(fitted(readTensors(await bytesOf(only(files, "safetensors file"))), inputs));
  }],
  [DATA_KINDS.arrays, "an .npy for each input, called as it is", async (files, { inputs }) => {
    const arrays = files.map(async (each) => {
      const name = each.path.split("/").at(-1)!.replace(DATA_KINDS.arrays, "");
      return [name, readNpy(await bytesOf(each))] as const;
    });
    return plain(fitted(Object.fromEntries(await Promise.all(arrays)), inputs));
  }],
  [DATA_KINDS.text, "one text (.txt, .md)", async (files, { inputs, vocabulary }) => {
    const text = textOf(await bytesOf(only(files, "text")), DOING);
    return plain(textData(text, inputs, { vocabulary }));
  }],
  [
    DATA_KINDS.images,
    "images in a folder for each class",
    async (files, { inputs }) => {
      const { images, classes, notes } = await decoded(files, inputs);
      return { data: imageData(images, inputs, classes), notes };
    },
  ],
];

/**
 * Reads files of one kind; those of no kind that is known, such as a folder's own notes, are passed over and named.
 *
 * @throws {GradusError} if there is none that is known, there are several kinds, or they do not fit the model.
 */
export async function readFiles(files: readonly GivenFile[], taken: Taken): Promise<ReadData> {
  const known = READERS.map(([ends, what, read]) => ({
    what,
    read,
    own: files.filter(({ path }) => ends.test(path)),
  })).filter(({ own }) => own.length > 0);
  const kinds = known.map(({ what }) => what).join("; ");
  if (known.length !== 1) {
    throw new GradusError(
      known.length > 1
        ? `${DOING}: they must be of one kind: given ${kinds}`
        : `${DOING}: they must be ${READERS.map(([, what]) => what).join(", or ")}: given ` +
          files.slice(0, 3).map(({ path }) => path).join(", "),
    );
  }
  const [{ read, own }] = known;
  const { data, notes } = await read(own, taken);
  const others = files.filter((each) => !own.includes(each)).map(({ path }) => path);
  const left = others.length === 0
    ? []
    : [`Left out: ${others.slice(0, 3).join(", ")}${others.length > 3 ? " and others" : ""}.`];
  return { data, notes: [...notes, ...left] };
}

function only(files: readonly GivenFile[], what: string): GivenFile {
  if (files.length === 1) return files[0];
  throw new GradusError(
    `${DOING}: there must be one ${what}: given ${files.map(({ path }) => path).join(", ")}`,
  );
}

async function bytesOf({ file }: GivenFile): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.arrayBuffer());
}
