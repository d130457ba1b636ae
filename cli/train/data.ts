/** What `--data` names, as examples for a model: a table, tensors, text, or a folder of images or arrays. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import type { BatchTensor } from "../../export/ort/mod.ts";
import {
  type Dataset,
  fitted,
  type Image,
  imageData,
  readCsv,
  readNpy,
  readTensors,
  tableData,
  textData,
  textOf,
  type TrainingInput,
} from "../../trainer/mod.ts";
import { readBytes, within } from "../files.ts";
import { UsageError } from "../values.ts";
import { decoded } from "./images.ts";

type Reader = (bytes: Uint8Array, inputs: readonly TrainingInput[], label?: string) => Dataset;

/** What reads a file, by the end of its name. */
const READERS: Readonly<Record<string, Reader>> = {
  ".csv": (bytes, inputs, label) => tableData(readCsv(bytes), inputs, { label }),
  ".tsv": (bytes, inputs, label) => tableData(readCsv(bytes), inputs, { label }),
  ".safetensors": (bytes, inputs) => fitted(readTensors(bytes), inputs),
  ".txt": (bytes, inputs) => textData(textOf(bytes, "Cannot read the text"), inputs),
};

/** The examples at a path. */
export async function readData(
  path: string,
  inputs: readonly TrainingInput[],
  label: string | undefined,
): Promise<Dataset> {
  const { isDirectory } = await Deno.stat(path).catch(() => ({ isDirectory: false }));
  const ending = Object.keys(READERS).find((end) => path.toLowerCase().endsWith(end));
  if (label !== undefined && (isDirectory || !/\.[ct]sv$/i.test(ending ?? ""))) {
    throw new UsageError(`--label is the column of a table, such as a .csv file: given ${path}`);
  }
  if (isDirectory) return folderData(path, inputs);
  if (ending === undefined) {
    throw new UsageError(
      `--data takes a folder, or a file that ends in ${
        Object.keys(READERS).join(", ")
      }: given ${path}`,
    );
  }
  const bytes = await readBytes(path);
  return within(path, () => READERS[ending](bytes, inputs, label));
}

/** A folder with a folder of images for each class, or with a `.npy` file for each input. */
async function folderData(path: string, inputs: readonly TrainingInput[]): Promise<Dataset> {
  const entries = await entriesOf(path);
  const folders = entries.filter(({ isDirectory }) => isDirectory);
  const arrays = entries.filter(({ name }) => /\.npy$/i.test(name));
  const other = entries.find((each) => !folders.includes(each) && !arrays.includes(each));
  if (entries.length === 0 || other !== undefined || (folders.length > 0 && arrays.length > 0)) {
    throw new GradusError(
      `Cannot read \`${path}\`: a folder must have either a folder of images for each class, or a .npy file ` +
        `for each input, such as x.npy: given ${
          entries.length === 0 ? "nothing" : other === undefined ? "both" : quoted(other.name)
        }`,
    );
  }
  if (folders.length > 0) return imagesIn(path, folders.map(({ name }) => name), inputs);
  const read: [string, BatchTensor][] = [];
  for (const { name } of arrays) {
    const file = `${path}/${name}`;
    const bytes = await readBytes(file);
    read.push([name.slice(0, -".npy".length), within(file, () => readNpy(bytes))]);
  }
  return within(path, () => fitted(Object.fromEntries(read), inputs));
}

async function imagesIn(
  path: string,
  classes: readonly string[],
  inputs: readonly TrainingInput[],
): Promise<Dataset> {
  const images: Image[] = [];
  for (const [label, name] of classes.entries()) {
    const entries = await entriesOf(`${path}/${name}`);
    for (const { name: file, isDirectory } of entries) {
      const own = `${name}/${file}`;
      if (isDirectory) {
        throw new GradusError(
          `Cannot read \`${path}\`: the folder of a class must have images alone: given a folder, ${
            quoted(own)
          }`,
        );
      }
      const bytes = await readBytes(`${path}/${own}`);
      images.push({ ...decoded(bytes, `${path}/${own}`), label, name: own });
    }
  }
  return within(path, () => imageData(images, inputs, classes));
}

/** What is in a folder, by name; what systems hide is left out. */
async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  const found: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      if (entry.name.startsWith(".") || /^(thumbs\.db|desktop\.ini)$/i.test(entry.name)) continue;
      const { isDirectory } = entry.isSymlink ? await Deno.stat(`${path}/${entry.name}`) : entry;
      found.push({ ...entry, isDirectory });
    }
  } catch (error) {
    throw new GradusError(`Cannot read \`${path}\`: ${(error as Error).message}`);
  }
  return found.sort(({ name: a }, { name: b }) => a < b ? -1 : 1);
}
