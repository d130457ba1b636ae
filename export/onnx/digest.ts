/** What a model is made of, in short: a model that was changed after it was written is told by its part. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
} from "onnx-buf";
import { digestOf } from "../../dsl/digest.ts";
import { TRAINING } from "./inference.ts";
import { JOINED, METADATA } from "./metadata.ts";

type Digests = Readonly<Record<string, string>>;

const KEYS: ReadonlySet<string> = new Set(
  [METADATA, JOINED, TRAINING].flatMap((keys) => Object.values(keys)),
);

/** Writes into its metadata what a model is made of. */
export function seal(model: ModelProto): void {
  setMetadata(model, { [METADATA.digest]: JSON.stringify(digestsOf(model)) });
}

/** Writes entries of a model's metadata, in the place of those of the same keys. */
export function setMetadata(model: ModelProto, entries: Readonly<Record<string, string>>): void {
  const others = model.metadataProps.filter(({ key }) => !Object.hasOwn(entries, key));
  const own = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value })
  );
  model.metadataProps = [...others, ...own];
}

/** The parts of a model that are not what its metadata say. */
export function changedParts(model: ModelProto): string[] {
  const written = model.metadataProps.find(({ key }) => key === METADATA.digest)?.value;
  const said: unknown = JSON.parse(written ?? "null");
  return Object.entries(digestsOf(model))
    .filter(([part, digest]) => (said as Partial<Digests> | null)?.[part] !== digest)
    .map(([part]) => part);
}

function digestsOf({ opsetImport, functions, graph, metadataProps }: ModelProto): Digests {
  const ofModel = (part: MessageInitShape<typeof ModelProtoSchema>) =>
    digestOf(toBinary(ModelProtoSchema, create(ModelProtoSchema, part)));
  const ofGraph = (part: MessageInitShape<typeof GraphProtoSchema>) =>
    digestOf(toBinary(GraphProtoSchema, create(GraphProtoSchema, part)));
  return {
    inputs: ofGraph({ input: graph?.input }),
    outputs: ofGraph({ output: graph?.output }),
    nodes: ofGraph({ node: graph?.node }),
    functions: ofModel({ functions }),
    initializers: ofGraph({ initializer: graph?.initializer }),
    operators: ofModel({ opsetImport }),
    metadata: ofModel({ metadataProps: ownEntries(metadataProps) }),
  };
}

/** The entries that are Gradus's, but the digest. */
function ownEntries(entries: readonly StringStringEntryProto[]): StringStringEntryProto[] {
  return entries.filter(({ key }) => KEYS.has(key) && key !== METADATA.digest)
    .toSorted((a, b) => a.key < b.key ? -1 : 1);
}
