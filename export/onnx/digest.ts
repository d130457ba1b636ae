/** What a model is made of, in short: a model that was changed after it was written is told by its part. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
} from "onnx-buf";
import { METADATA } from "./metadata.ts";

type Digests = Readonly<Record<string, string>>;

const KEYS: ReadonlySet<string> = new Set(Object.values(METADATA));

/** Writes into its metadata what a model is made of. */
export function seal(model: ModelProto): void {
  const value = JSON.stringify(digestsOf(model));
  const others = model.metadataProps.filter(({ key }) => key !== METADATA.digest);
  const own = create(StringStringEntryProtoSchema, { key: METADATA.digest, value });
  model.metadataProps = [...others, own];
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
    digest(toBinary(ModelProtoSchema, create(ModelProtoSchema, part)));
  const ofGraph = (part: MessageInitShape<typeof GraphProtoSchema>) =>
    digest(toBinary(GraphProtoSchema, create(GraphProtoSchema, part)));
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

const FACTORS = [0x85ebca6b, 0xc2b2ae35, 0x9e3779b1, 0x27d4eb2f] as const;

/** 128 bits by which bytes differ from others that were not made to be taken for them. */
function digest(bytes: Uint8Array): string {
  const hash = FACTORS.map((factor) => factor ^ bytes.length);
  const mix = (k: number, word: number): void => {
    const x = Math.imul(hash[k] ^ word, FACTORS[k]);
    hash[k] = (x << 13 | x >>> 19) + hash[(k + 1) & 3] | 0;
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) mix(at >> 2 & 3, view.getUint32(at, true));
  for (let at = whole; at < bytes.length; at++) mix(at & 3, bytes[at]);
  // Every bit reaches every other.
  for (let round = 0; round < 16; round++) mix(round & 3, hash[(round + 2) & 3] >>> 15);
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
