/** What the type of an optimizer tells of its state: names, and trees like the parameters'. */
import type { RoundedStorage } from "./stored.ts";
import type { StorageType } from "./dtype.ts";
import type { HyperValue } from "./hyperparameters.ts";
import type { BlockTensor, StoredTensor, Tensor } from "./leaf.ts";
import type { State } from "./state.ts";

/**
 * The states of an optimizer by name, as far as its type tells: `"leaf"` is a tree like the parameters',
 * `"tree"` one number for all of them. One that is not kept for all options is optional.
 */
export type StateKinds = Readonly<Record<string, "leaf" | "tree">>;

/**
 * The hyperparameters among some options, which a state can have in `hyper`; any name if the options are
 * not known.
 */
export type HyperNames<Options> = [Options] extends [never] ? string
  :
    & { [K in keyof Options]-?: [HyperValue] extends [Options[K]] ? K : never }[keyof Options]
    & string;

/** The states of a wrapper, and those of the optimizer inside that have other names. */
export type WrappedStates<S, Own extends StateKinds> = Own & Omit<S, keyof Own>;

/** A name that may have a suffix, where another part uses the name. */
export type Suffixed<Name extends string> = Name | `${Name}_${number}`;

/** Trees whose states are as they are. */
export type PlainTree = Float32Array | Float64Array | Tensor | readonly PlainTree[] | {
  readonly [key: string]: PlainTree;
};

/**
 * The tree of a state of parameters `P`, in the type that each parameter computes in. A type that allows
 * any tree stays as it is.
 */
export type StateTree<P> = [P] extends [PlainTree] ? P
  : { readonly [key: string]: Tensor } extends P ? P
  : P extends PlainTree ? P
  : P extends ArrayBufferView ? Float32Array
  : P extends { readonly data: ArrayBufferView; readonly shape: readonly number[] } ? Tensor
  : { [K in keyof P]: StateTree<P[K]> };

/** The same for a state that is stored in blocks where there are numbers enough. */
export type BlockTree<P> = { readonly [key: string]: BlockTensor } extends P ? P
  : P extends ArrayBufferView | { readonly data: ArrayBufferView } ? StateTree<P> | BlockTensor
  : { [K in keyof P]: BlockTree<P[K]> };

/** The same for a state that is stored as `Stored` says. */
export type StoredTree<P, Stored> = Stored extends "float32" ? StateTree<P>
  : Stored extends "block8" | { readonly dtype: "block8" } ? BlockTree<P>
  : { readonly [key: string]: StoredTensor } extends P ? P
  : P extends Float32Array | Float64Array | Tensor | StoredTensor ? StoredTensor
  : P extends ArrayBufferView | { readonly data: ArrayBufferView } ? P | StoredTensor
  : { [K in keyof P]: StoredTree<P[K], Stored> };

/** How states are stored, by name. */
export type StorageChoice = Readonly<Record<string, StorageType | RoundedStorage>>;

/**
 * The state of an optimizer beside parameters `P`: with states `S` and hyperparameters `Hyper`, some
 * stored as `C` says. The type does not know what an option such as `muDtype` stores in fewer bits, or
 * what a 0 removes from the program.
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
        [K in keyof S]: "leaf" extends S[K] ? K extends keyof C ? StoredTree<P, C[K]> : StateTree<P>
          : number;
      }
      & { master?: StateTree<P> });
