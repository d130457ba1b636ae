/** Values on a stream of bytes between two processes: a length, then the value as the engine writes it. */
import { builtin } from "../../runtime/builtin.ts";

interface Serializer {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Uint8Array): unknown;
}

const HEAD = 4;
/** More than any order or answer: what says so is no frame. */
const LONGEST = 2 ** 30;

/** A value as bytes. */
export function frame(value: unknown): Uint8Array {
  const body = builtin<Serializer>("node:v8")!.serialize(value);
  const bytes = new Uint8Array(HEAD + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, HEAD);
  return bytes;
}

/** The values that come in chunks of bytes. */
export async function* unframed<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  const { deserialize } = builtin<Serializer>("node:v8")!;
  let held: Uint8Array[] = [];
  let size = 0;
  let wanted = HEAD;
  for await (const chunk of chunks) {
    held.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const all = new Uint8Array(size);
      held.reduce((at, each) => (all.set(each, at), at + each.length), 0);
      const length = new DataView(all.buffer).getUint32(0);
      if (length > LONGEST) throw new Error("what it said is no answer");
      wanted = HEAD + length;
      held = [all];
      if (size < wanted) break;
      yield deserialize(all.slice(HEAD, wanted)) as T;
      held = [all.slice(wanted)];
      size -= wanted;
      wanted = HEAD;
    }
  }
}
