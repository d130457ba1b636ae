/** Settings by the names of variables, of which some are not stepped yet, are frozen, or are gone. */
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { Configured } from "../../runtime/step/rule.ts";
import type { Setting } from "../../runtime/trees/hyperparameters.ts";
import { isMatch } from "../../runtime/trees/match.ts";
import { isMatrices } from "../../runtime/trees/view.ts";
import type { Variables } from "./route.ts";

/**
 * What steps the variables that there are. A tree of hyperparameters or a mask may name more than these: what
 * steps them is made with those that there are, and made again when there are others.
 */
export class Named<T extends object> {
  readonly #optimizer: Optimizer;
  readonly #isNamed: boolean;
  readonly #make: (optimizer: Configured) => T;
  readonly #dispose: (made: T) => void;
  #made: T;
  #names: ReadonlySet<string> = new Set();

  /** `make` makes it, `dispose` gives it back. */
  constructor(
    optimizer: Optimizer,
    make: (optimizer: Configured) => T,
    dispose: (made: T) => void = () => {},
  ) {
    [this.#optimizer, this.#make, this.#dispose] = [optimizer, make, dispose];
    this.#isNamed = [...optimizer.settings.values()].some(({ value, mask }) =>
      isTree(value) || isTree(mask)
    );
    this.#made = make(optimizer);
  }

  /** What steps these variables. */
  of(variables: Variables): T {
    const isKnown = variables.size === this.#names.size &&
      [...variables.keys()].every((name) => this.#names.has(name));
    if (!this.#isNamed || isKnown) return this.#made;
    const { program, settings, storage } = this.#optimizer;
    const narrowed = [...settings].map(([name, { value, mask, ...others }]) =>
      [name, {
        ...others,
        value: only(value, variables),
        ...(mask === undefined ? {} : { mask: only(mask, variables) }),
      }] as const
    );
    this.dispose();
    this.#made = this.#make({ program, settings: new Map(narrowed), storage });
    this.#names = new Set(variables.keys());
    return this.#made;
  }

  /** Gives it back. */
  dispose(): void {
    this.#dispose(this.#made);
  }
}

/** Whether something is said by names, and not by rules or in one way for all. */
function isTree(value: Setting["value"] | Setting["mask"]): value is Record<string, never> {
  return typeof value === "object" && !Array.isArray(value) && !isMatch(value) &&
    !isMatrices(value);
}

function only<V extends Setting["value"] | Setting["mask"]>(value: V, variables: Variables): V {
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => variables.has(name))) as V;
}
