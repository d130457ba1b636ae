/** What a search is told, and what it says. */
import type { Mutations } from "../programs/mutations.ts";
import type { SpaceOptions } from "../programs/space.ts";
import type { Task } from "../tasks/evaluator.ts";
import type { Individual } from "./archive.ts";
import type { ScoreCache } from "./score_cache.ts";
import type { Scorer } from "./scorer.ts";

/** How many children are on their way by default. */
export const WINDOW = 50;

/** How programs are proposed. */
export type Strategy =
  /** Regularized evolution: the best of a few parents, the oldest die. */
  | "evolution"
  /** 1 to 20 mutations of a first program, whatever came of others. */
  | "random";

/** Which individual of a population dies when another comes. */
export type Survival =
  /** The oldest, as in regularized evolution. */
  | "oldest"
  /** One that is bettered in age and fitness at once. */
  | "front";

/** Where a search keeps what it needs to go on after an end that it did not choose. */
export interface CheckpointStore {
  /** What messages call it, such as the path of a file. */
  readonly place?: string;
  /** Where it keeps what was saved before the last, if it does. */
  readonly before?: string;
  /** What was saved last, or undefined. */
  load(): Promise<string | undefined>;
  /** Saves; whatever happens meanwhile, a later `load` gives this or what was there before. */
  save(text: string): Promise<void>;
}

/** A search. */
export interface SearchOptions {
  /** What programs are trained on. */
  readonly tasks: readonly Task[];
  /** What programs are made of. Default: the paper's space. */
  readonly space?: SpaceOptions;
  /** The texts of the programs to start from. Default: AdamW. */
  readonly init?: readonly string[];
  /** Default `"evolution"`. */
  readonly strategy?: Strategy;
  /** Default the paper's; `constantsOnly` tunes what is there. */
  readonly mutations?: Mutations;
  /** All that is random follows from it. Default 1. */
  readonly seed?: number;
  /** When it ends: after so many programs trained, or made. */
  readonly budget: { readonly trained?: number; readonly generated?: number };
  /** Default 1000. */
  readonly population?: number;
  /** Parents of which the best is taken. Default 2, or 1 where `survival` is `"front"`. */
  readonly tournament?: number;
  /**
   * Who dies when a child comes: the `"oldest"`, as in regularized evolution, or, where it is `"front"`, one
   * whose line is older than another's and which is less fit. Then the first of every `window` children begins a new
   * line, one mutation from a program to start from, so that the search never ends in one place (Schmidt and Lipson 2010,
   * Age-Fitness Pareto Optimization). Default `"oldest"`.
   */
  readonly survival?: Survival;
  /**
   * The share of problems by whose scores individuals are compared, others for every `window` births. A problem is a task
   * under one of its seeds. What counts as best is so on all of them, and a program that was known already is
   * compared by all. Default 1.
   */
  readonly downsample?: number;
  /** How often a child that is a known program is drawn anew, which costs no birth. Default 0. */
  readonly redraws?: number;
  /**
   * W, how many children are on their way at a time: child i is made from the population after births up
   * to i - W. The more there are, the more machines find work, and the older is what children are made of.
   * Default 50.
   */
  readonly window?: number;
  /**
   * What trains the programs; it is not closed at the end. The result does not depend on it. Default:
   * {@linkcode localScorer}, which is this thread.
   */
  readonly scorer?: Scorer;
  /** Scores below this end a training. Default -ln 4: a loss of 4 times the first. */
  readonly below?: number;
  /** Ends trainings whose score after a share of the steps is within the worst `quantile` of late ones. */
  readonly hurdle?: { readonly share: number; readonly quantile: number };
  /**
   * Tunes the constants of a child whose shape, which is what it is but for constants, is new: by about so
   * many `evaluations`, all counted as trained. Only children are tuned whose score is at most `margin`
   * (default 0.05) below their parent's, which for a new line is the program to start from, and no further
   * than one round unless that reaches it. Default: none.
   */
  readonly tune?: { readonly evaluations: number; readonly margin?: number };
  /**
   * Starts the population anew once it has made so many programs without bettering its best, or `lifetime`
   * in all.
   */
  readonly restart?: {
    readonly patience: number;
    readonly lifetime?: number;
    readonly from: "best" | "init";
  };
  /** A cost of each statement that matters, taken off the score that selection sees. Default 0. */
  readonly lengthCost?: number;
  /** Individuals in the hall of fame. Default 20. */
  readonly hall?: number;
  /** Tasks that the front is scored on once, at the end. */
  readonly heldOut?: readonly Task[];
  /**
   * Scores to look up before training and to add to, shared with other searches. They count as trained,
   * so that the result does not depend on it. Default none.
   */
  readonly cache?: ScoreCache;
  /** Where to save, and after how many windows of births again. Default 20. */
  readonly checkpoint?: { readonly store: CheckpointStore; readonly every?: number };
}

/** Counts of a search. */
export interface Counts {
  /** Programs made. */
  readonly generated: number;
  /** Programs trained. */
  readonly trained: number;
  /** Of those made, how many had a structure that was known. */
  readonly structuralHits: number;
  /** How many others gave the updates of a known one. */
  readonly probeHits: number;
  /** Known programs that were drawn anew, and are none of those made. */
  readonly redrawn: number;
  /** Trained, and exploded or were stopped. */
  readonly stopped: number;
  /** Of those stopped, how many cost a worker, which had died or did not answer. */
  readonly lost: number;
  /** Statements of all that were made, and those among them that matter. */
  readonly statements: number;
  /** Of those statements, how many matter. */
  readonly live: number;
  /** How often the population was begun anew. */
  readonly restarts: number;
}

/** A point of a search's curves, once in a while. */
export interface CurvePoint {
  /** Programs made so far. */
  readonly generated: number;
  /** Programs trained so far. */
  readonly trained: number;
  /** The best score so far. */
  readonly best: number;
  /** Shares since the point before. */
  readonly hitRate: number;
  /** The share of statements that do nothing, since the point before. */
  readonly redundancy: number;
}

/** What a search found. */
export interface SearchResult {
  /** Counts of the whole run. */
  readonly counts: Counts;
  /** The best, unless all exploded. */
  readonly best: Individual | undefined;
  /** Those that none betters in score, length and state at once. */
  readonly front: readonly Individual[];
  /** The best of different scores, best first. */
  readonly hall: readonly Individual[];
  /** How the run went. */
  readonly curve: readonly CurvePoint[];
  /** Scores of the front on the held-out tasks, in the order of the front. */
  readonly heldOut: readonly number[];
}

/** What a search says after every window of births, and at its end. */
export type SearchEvent =
  | {
    readonly type: "progress";
    readonly counts: Counts;
    readonly best: Individual | undefined;
    readonly front: readonly Individual[];
    /** Seconds since this process began or resumed it, and the share of the budget that is used. */
    readonly seconds: number;
    readonly share: number;
    /** Programs trained a second, and seconds that are left at that rate. */
    readonly rate: number;
    readonly secondsLeft: number;
  }
  | { readonly type: "done"; readonly result: SearchResult };
