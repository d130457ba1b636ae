/** What of a file fits what is asked of it, what is missing there, and what is left over. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import type { DType } from "../../runtime/trees/dtype.ts";
import { sameShape } from "../../runtime/trees/leaf.ts";
import type { SafeArray, SafeDType } from "./dtypes.ts";
import { safeDType, secondOf } from "./paths.ts";
import type { SafeTensor } from "./read.ts";

const MOST_SHOWN = 20;

/** The tensors of a file, each taken once. */
export class Fitting {
  readonly #tensors: ReadonlyMap<string, SafeTensor>;
  readonly #fitted = new Set<string>();
  /** What begins afresh, and why what the file has does not fit. */
  readonly #started = new Map<string, string>();

  constructor(tensors: ReadonlyMap<string, SafeTensor>) {
    this.#tensors = tensors;
  }

  /** The elements of a tensor, if it is there and of this type and shape. */
  take(name: string, shape: readonly number[], dtype: SafeDType): SafeArray | undefined {
    const found = this.#tensors.get(name);
    if (found !== undefined && found.dtype === dtype && sameShape(found.shape, shape)) {
      this.#fitted.add(name);
      return found.data;
    }
    const given = found === undefined ? "none" : spell(found.dtype, found.shape);
    this.start(name, `${spell(dtype, shape)} is asked for, and it has ${given}`);
    return undefined;
  }

  /** Leaves a tensor, for a reason of its own. */
  start(name: string, why: string): void {
    this.#started.set(name, why);
  }

  /** The arrays of a leaf that is stored as `dtype`, if all of them are there. */
  arrays(
    name: string,
    dtype: DType,
    shape: readonly number[],
  ): readonly SafeArray[] | undefined {
    const data = this.take(name, shape, safeDType(dtype));
    const own = secondOf(name, dtype, shape);
    if (own === undefined) return data && [data];
    const second = this.take(own.name, own.shape, own.dtype);
    return data && second && [data, second];
  }

  /** Refuses a file that does not have all that was asked for, or has more. */
  requireAll(doing: string): void {
    const { leftover } = this.lists();
    const lines = [
      ...Array.from(this.#started, ([name, why]) => `${quoted(name)}: ${why}`),
      ...leftover.map((name) => `${quoted(name)}: nothing asks for it`),
    ];
    if (lines.length === 0) return;
    const left = lines.length - MOST_SHOWN;
    throw new GradusError(
      `${doing}: its tensors must be those of these parameters; \`onMismatch: "init"\` takes those that ` +
        `are and starts the rest afresh: given\n${lines.slice(0, MOST_SHOWN).join("\n")}` +
        (left > 0 ? `\n… and ${left} more` : ""),
    );
  }

  /** The names of what fitted, of what was asked for and did not, and of the others in the file. */
  lists(): Record<"fitted" | "started" | "leftover", readonly string[]> {
    return {
      fitted: [...this.#fitted],
      started: [...this.#started.keys()],
      leftover: [...this.#tensors.keys()].filter((name) =>
        !this.#fitted.has(name) && !this.#started.has(name)
      ),
    };
  }
}

function spell(dtype: SafeDType, shape: readonly number[]): string {
  return `${dtype} of shape [${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", …" : ""}]`;
}
