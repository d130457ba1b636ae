/** The entries of a pass's table: each a stretch of one leaf, or of several that follow each other everywhere. */
import type { GroupRun } from "../backend.ts";
import { kindsOf } from "./leaf.ts";
import { ENTRY } from "./entry.ts";

/**
 * Adds an entry to the words of a table. Of leaves that may share one, it joins the entry before where it goes
 * on from there in every array, with the same numbers and up to `most` elements; 0 where none may.
 */
export function addEntry(
  words: number[],
  entry: readonly number[],
  group: GroupRun,
  most: number,
): void {
  const last = words.length - entry.length;
  const size = entry[ENTRY.length] + (last < 0 ? most : words[last + ENTRY.length]);
  const goesOn = size <= most && entry[ENTRY.numbers] === words[last + ENTRY.numbers] &&
    kindsOf(group).every((bytes, a) => {
      const at = ENTRY.arrays + a;
      const end = words[last + at] + bytes * words[last + ENTRY.length];
      // Of arrays that the pass does not touch there is no address.
      return entry[at] === 0 || entry[at] === end;
    });
  if (goesOn) words[last + ENTRY.length] = size;
  else for (const word of entry) words.push(word);
}
