/** A loop of a known number of rounds, written out round by round. */
import type { NodeProto } from "onnx-buf";
import { type Branch, copied } from "./branch.ts";
import type { Builder } from "./emit.ts";
import { nameOf } from "./read.ts";
import { DataType, type Value } from "./value.ts";

/** A loop of more is not written out. */
const MOST_ROUNDS = 1000;

/** What a Loop gives: what it carries on from round to round, and one below another what it makes in each. */
export function roundsOf(
  node: NodeProto,
  [times, condition, ...first]: readonly (Value | undefined)[],
  build: Builder,
  run: (body: Branch, given: readonly Value[]) => Value[],
): readonly Value[] {
  const body = node.attribute.find(({ name }) => name === "body")?.g ??
    build.refuse("it must have a body");
  const count = times?.known?.[0];
  if (typeof count !== "number" || count > MOST_ROUNDS) {
    build.refuse(
      `no gradient goes into a loop of other than a known number of rounds, at most ${MOST_ROUNDS}: ` +
        "export the model for one length",
    );
  }
  let isGoing = condition ?? build.constant([1], DataType.BOOL, []);
  let carried = first.map((value) => value ?? build.refuse("what it begins with must be given"));
  const made: Value[][] = [];
  for (let round = 0; round < count; round++) {
    const goes = isGoing.known?.[0];
    if (typeof goes !== "number") {
      build.refuse("no gradient goes into a loop whose end depends on data: export without it");
    }
    if (goes === 0) break;
    const place = build.constant([round], DataType.INT64, []);
    const copy = copied(body, `${nameOf(node)}/${round}`);
    const [next, ...outputs] = run(copy, [place, isGoing, ...carried]);
    [isGoing, carried] = [next, outputs.slice(0, first.length)];
    made.push(outputs.slice(first.length));
  }
  const axis = build.ints([0]);
  const rows = Array.from({ length: node.output.length - first.length }, (_, i) => {
    if (made.length === 0) build.refuse("a loop of no rounds makes nothing");
    const all = made.map((outputs) => build.emit("Unsqueeze", [outputs[i], axis]));
    return build.emit("Concat", all, { axis: 0 });
  });
  return [...carried, ...rows];
}
