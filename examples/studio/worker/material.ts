/// <reference lib="dom" />
/** What is trained: the network of a sample or of files, and where its examples come from. */
import { GradusError } from "../../../mod.ts";
import type { ModelSource } from "../../../export/train/mod.ts";
import { textData, type TrainingInput } from "../../../trainer/mod.ts";
import { DATA_KINDS, isModel } from "../file_kinds.ts";
import type { GivenFile, SampleName, Source } from "../protocol.ts";
import { digitsData, digitsModel } from "../samples/digits.ts";
import { moonsData, moonsModel } from "../samples/moons.ts";
import { learnable, textModel } from "../samples/text.ts";
import { type ReadData, readFiles } from "./files.ts";

/** A network with its examples. */
export interface Material {
  readonly name: string;
  readonly model: ModelSource;
  /** The loss that suits it; undefined where it is not known. */
  readonly loss?: string;
  /** The characters that it knows, if it learns to write. */
  readonly vocabulary?: readonly string[];
  /** Reads the examples as the inputs of a step. */
  read(inputs: readonly TrainingInput[]): Promise<ReadData>;
}

/** The network and the examples that are asked for. */
export async function materialOf(source: Source): Promise<Material> {
  const { model, files } = source;
  if (typeof model !== "string") return await ownMaterial(model, files);
  const { read, ...material } = await SAMPLES[model](source);
  // Text is the sample's own matter: its network knows but the characters of it.
  if (files.length === 0 || model === "text") return { ...material, read };
  return { ...material, read: (inputs) => readFiles(files, { inputs }) };
}

const SAMPLES: Readonly<Record<SampleName, (source: Source) => Promise<Material>>> = {
  digits: ({ drawn }) =>
    Promise.resolve({
      name: "digits",
      model: digitsModel(),
      loss: "crossEntropy:logits",
      read: async () => ({
        data: digitsData(await unpacked(await ownFile("digits.bin")), drawn),
        notes: [],
      }),
    }),
  moons: () =>
    Promise.resolve({
      name: "moons",
      model: moonsModel(),
      loss: "crossEntropy:logits",
      read: () => Promise.resolve({ data: moonsData(), notes: [] }),
    }),
  async text({ text, files }) {
    const given = text ?? await textIn(files) ?? await (await ownFile("text.txt")).text();
    const { vocabulary, left, ...learned } = learnable(given);
    const notes = left === 0 ? [] : [`${left} rare characters were left out of the text.`];
    return {
      name: "text",
      model: textModel(vocabulary.length),
      loss: "crossEntropy:logits:-1",
      vocabulary,
      read: (inputs) =>
        Promise.resolve({ data: textData(learned.text, inputs, { vocabulary }), notes }),
    };
  },
};

async function ownMaterial(
  model: readonly GivenFile[],
  files: readonly GivenFile[],
): Promise<Material> {
  const main = model.find(({ path }) => isModel(path));
  if (main === undefined) {
    throw new GradusError(
      `Cannot open a model: it must be a file whose name ends in .onnx: given ${
        model.map(({ path }) => path).join(", ")
      }`,
    );
  }
  const others = await Promise.all(
    model.filter((each) => each !== main).map(async ({ path, file }) => [path, await bytes(file)]),
  );
  return {
    name: main.path.replace(/\.onnx$/i, ""),
    model: { model: await bytes(main.file), data: Object.fromEntries(others) },
    read(inputs) {
      if (files.length > 0) return readFiles(files, { inputs });
      throw new GradusError(
        "Cannot train: this model needs examples: drop files of them under Examples",
      );
    },
  };
}

async function textIn(files: readonly GivenFile[]): Promise<string | undefined> {
  if (files.length === 0) return undefined;
  if (files.length === 1 && DATA_KINDS.text.test(files[0].path)) return await files[0].file.text();
  throw new GradusError(
    `Cannot use these files: the text must be one file: given ${
      files.map(({ path }) => path).join(", ")
    }`,
  );
}

/** A file of the page's own, beside the script of this worker. */
async function ownFile(name: string): Promise<Response> {
  const response = await fetch(new URL(name, import.meta.url));
  if (response.ok) return response;
  throw new GradusError(`Cannot load \`${name}\`, which is part of this page: ${response.status}`);
}

/** Bytes that are packed, unless a host has unpacked them already. */
async function unpacked(response: Response): Promise<Uint8Array> {
  const given = await bytes(await response.blob());
  const isPacked = given[0] === 0x1f && given[1] === 0x8b;
  if (!isPacked) return given;
  const stream = new Blob([given]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function bytes(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.arrayBuffer());
}
