/** What a command of `gradus` is: one entry, from which it is read, run and explained. */
import type { Options } from "./values.ts";

/** An option of a command, as its help says it. */
export interface OptionEntry {
  /** What stands for its value; an option without is given or not. */
  readonly value?: string;
  /** One letter that means the same. */
  readonly short?: string;
  /** Whether it may be given more than once. */
  readonly isMultiple?: boolean;
  /** What it does, in a few words. */
  readonly text: string;
}

/** How many arguments follow a command's name, and what they are called where one is missing. */
export interface Operands {
  readonly least: number;
  readonly most: number;
  readonly what: string;
}

/** One command. */
export interface Command {
  /** The ways to call it: what follows its name. */
  readonly usage: readonly string[];
  /** What it does, in a sentence. */
  readonly summary: string;
  /** What else there is to know, a text a paragraph. */
  readonly notes?: readonly string[];
  readonly options: Readonly<Record<string, OptionEntry>>;
  readonly takes: (options: Options) => Operands;
  readonly run: (
    operands: readonly string[],
    options: Options,
    print: (line: string) => void,
  ) => Promise<void> | void;
}

/** A command of one optimizer. */
export const ONE_OPTIMIZER: Operands = { least: 1, most: 1, what: "an optimizer" };

/** The option by which hyperparameters are given. */
export const SET: OptionEntry = {
  value: "NAME=VALUE",
  isMultiple: true,
  text: 'a hyperparameter: a number, true, false, or a schedule such as "0.1*0.99^count"',
};
