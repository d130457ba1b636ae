/** Trees of plain objects and lists, as JSON holds them. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { DEEPEST } from "./structure.ts";

/**
 * The path of what is under `key`, as a JSON pointer (RFC 6901) has it: a slash and the key, in which `~` is
 * written `~0` and `/` is written `~1`.
 */
export function under(path: string, key: string): string {
  return `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The key whose path below `path` this is, or undefined if it is none. */
export function keyUnder(path: string, found: string): string | undefined {
  if (!found.startsWith(`${path}/`)) return undefined;
  const key = found.slice(path.length + 1).replaceAll("~1", "/").replaceAll("~0", "~");
  return under(path, key) === found ? key : undefined;
}

/**
 * A tree of plain objects and lists with `leafOf` of each leaf, told where that is. Refuses one that nests too
 * deep; `what` says what it is.
 */
export function mapTree<T>(
  tree: unknown,
  what: string,
  doing: string,
  leafOf: (leaf: unknown, path: string) => T,
): unknown {
  const visit = (node: unknown, path: string, depth: number): unknown => {
    if (typeof node !== "object" || node === null) return leafOf(node, path);
    if (depth > DEEPEST) {
      throw new GradusError(
        `${doing}: ${what} must nest at most ${DEEPEST} deep: given ${shown(node)} below that`,
      );
    }
    const parts = Object.entries(node).map(([key, part]) =>
      [key, visit(part, under(path, key), depth + 1)] as const
    );
    return Array.isArray(node) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  };
  return visit(tree, "", 0);
}
