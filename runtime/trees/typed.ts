/** What the type of an optimizer tells of its state: names, and trees like the parameters'. */
import type { RoundedStorage } from "./stored.ts";
import type { StorageType } from "./dtype.ts";
import type { HyperValue } from "./hyperparameters.ts";
import type { StoredTensor, Tensor } from "./leaf.ts";
import type { State } from "./state.ts";

/**
 * The states of an optimizer by name, as far as its type tells: `"leaf"` is a tree like the parameters',
 * `"tree"` one number for all of them. One that is not kept for all options is optional.
 */
export type StateKinds = Readonly<Record<string, "leaf" | "tree">>;

/** The hyperparameters among some options: what a state can have in `hyper`. Of any options, any. */
export type HyperNames<Options> = [Options] extends [never] ? string
  :
    & { [K in keyof Options]-?: [HyperValue] extends [Options[K]] ? K : never }[keyof Options]
    & string;

/** A tree of states beside parameters `P`, in the type that each parameter computes in. */
export type StateTree<P> = P extends Float64Array ? Float64Array
  : P extends ArrayBufferView ? Float32Array
  : P extends Tensor | StoredTensor ? Tensor
  : { [K in keyof P]: StateTree<P[K]> };

/** A tree of states that are stored short beside parameters `P`. */
export type StoredTree<P> = P extends ArrayBufferView | Tensor | StoredTensor ? StoredTensor
  : { [K in keyof P]: StoredTree<P[K]> };

/** How states are stored, by name. */
export type StorageChoice = Readonly<Record<string, StorageType | RoundedStorage>>;

/**
 * The state of an optimizer beside parameters `P`: with states `S` and hyperparameters `Hyper`, some
 * stored as `C` says. What an option such as `muDtype` stores short, or a 0 takes out of the program, no
 * type tells.
 */
export type StateBeside<
  P,
  S extends StateKinds,
  Hyper extends string,
  C extends StorageChoice = Record<never, never>,
> =
  & State<Hyper>
  & (string extends keyof C ? unknown
    :
      & {
        [K in keyof S]: S[K] extends "tree" ? number
          : K extends keyof C ? C[K] extends "float32" ? StateTree<P> : StoredTree<P>
          : StateTree<P>;
      }
      & { master?: StateTree<P> });
