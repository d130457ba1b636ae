/** A tree that was seen before is taken for the same only while it holds the very same arrays. */
import { resident } from "../../mod.ts";
import { Snapshot } from "../../runtime/trees/snapshot.ts";
import { assertEquals } from "../assert.ts";

const tree = () => ({ a: new Float32Array(3), b: [new Float32Array(2), new Float32Array(1)] });

Deno.test("a tree whose numbers alone have changed is the same, and any other change is seen", () => {
  const changes: ((given: ReturnType<typeof tree> & { c?: Float32Array }) => void)[] = [
    (given) => given.c = new Float32Array(1),
    (given) => given.b.push(new Float32Array(1)),
    (given) => given.b.pop(),
    (given) => given.a = given.a.slice(),
    (given) => given.b.reverse(),
    (given) => structuredClone(given.a, { transfer: [given.a.buffer] }),
  ];
  for (const change of changes) {
    const given = tree();
    const snapshot = new Snapshot(given);
    given.a.fill(7);
    assertEquals(snapshot.matches(given), true);
    assertEquals(snapshot.matches(structuredClone(given)), false);
    change(given);
    assertEquals(snapshot.matches(given), false, String(change));
  }
});

Deno.test("after memory was given back, no tree is taken for the same", () => {
  const given = tree();
  const snapshot = new Snapshot(given);
  const other = resident(tree());
  assertEquals(snapshot.matches(given), true);
  other[Symbol.dispose]();
  assertEquals(snapshot.matches(given), false);
  assertEquals(new Snapshot(given).matches(given), true);
});
