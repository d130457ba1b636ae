/** The state of a search between two births, and how children come into its population. */
import { analyse, type Analysis } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import type { Evaluation, Stop } from "../tasks/evaluator.ts";
import { Front, HallOfFame, type Individual, type Lineage } from "./archive.ts";
import type { Counts, CurvePoint } from "./options.ts";
import type { Tuned } from "./powell.ts";
import type { Survive } from "./survival.ts";

/** All that a search knows between two births; a checkpoint holds it. */
export interface SearchState {
  counts: { -readonly [K in keyof Counts]: Counts[K] };
  population: Individual[];
  /** The children that were made and are not let in yet, oldest first. */
  window: Child[];
  /** Scores by structure, and by what a program's updates are on the probe. */
  structures: Map<string, number>;
  probes: Map<string, number>;
  /** The best scores of programs whose constants were tuned, by what they are but for constants. */
  shapes: Map<string, number>;
  front: Front;
  hall: HallOfFame;
  curve: CurvePoint[];
  /** How many were made when the population was begun anew or last bettered its best. */
  renewed: number;
  /** How many were made when the population was begun anew. */
  begun: number;
  /** The best score since then. */
  recent: number;
  /** Scores at the hurdle of late trainings, oldest first. */
  hurdles: number[];
  /** Counts at the last point of the curve. */
  marked: { generated: number; hits: number; statements: number; live: number };
}

/** A search that has made nothing yet. */
export function emptyState(hall: number): SearchState {
  return {
    counts: {
      generated: 0,
      trained: 0,
      structuralHits: 0,
      probeHits: 0,
      redrawn: 0,
      stopped: 0,
      lost: 0,
      statements: 0,
      live: 0,
      restarts: 0,
    },
    population: [],
    window: [],
    structures: new Map(),
    probes: new Map(),
    shapes: new Map(),
    front: new Front(),
    hall: new HallOfFame(hall),
    curve: [],
    renewed: 0,
    begun: 0,
    recent: -Infinity,
    hurdles: [],
    marked: { generated: 0, hits: 0, statements: 0, live: 0 },
  };
}

/** An analysed program with its score, and that of each problem where they are known. */
export function individual(
  analysis: Analysis,
  score: number,
  lineage: Lineage,
  cases: readonly number[] = [],
): Individual {
  return {
    genome: analysis.genome,
    key: analysis.key,
    score,
    cases,
    length: analysis.live.length,
    stateBytes: 4 * analysis.states.length,
    lineage,
  };
}

/** The programs that a search starts from; their scores are known. */
export function founders(
  space: Space,
  init: readonly Genome[],
  structures: ReadonlyMap<string, number>,
): Individual[] {
  return init.map((genome, i) => {
    const analysis = analyse(space, genome);
    const score = structures.get(analysis.key)!;
    const birth = -1 - i;
    const lineage = { birth, mutation: "init", score, parent: undefined, founder: birth };
    return individual(analysis, score, lineage);
  });
}

/** How many late trainings a hurdle is set by. */
export const LATE = 500;
/** Points of a curve. */
const POINTS = 200;

/** Where a child's score is from: a structure that was known, known updates, or training. */
export type Origin = "structure" | "updates" | "training";

/** A child on its way, before it is let in. */
export interface Child {
  readonly analysis: Analysis;
  /** What it was made from; of a newcomer, a program that the search started from. */
  readonly parent: Individual;
  readonly mutation: string;
  readonly isNewcomer: boolean;
  readonly birth: number;
  readonly origin: Origin;
  /** The fingerprint, unless the structure was known. */
  readonly probe: string;
  /** When its training is stopped. */
  readonly stop: Stop;
  /** The best score of its shape when it was made, where children are tuned. */
  readonly rival?: number;
}

/** What training a child gave. */
export interface Trained {
  readonly evaluation: Evaluation;
  /** What tuning its constants gave, if that was worth it, and how many programs were trained for it. */
  readonly tuned?: Tuned & { readonly trained: number; readonly shape: string };
}

/** Lets a child in, in its tuned form if it has one: another dies. One that is known is not trained. */
export function admit(
  state: SearchState,
  space: Space,
  survive: Survive,
  child: Child,
  training?: Trained,
): void {
  const { counts, hall, front, population, structures, probes, shapes } = state;
  const { parent, mutation, isNewcomer, birth, origin, probe } = child;
  let { analysis } = child;
  let score = training?.evaluation.score ?? structures.get(analysis.key) ?? probes.get(probe)!;
  counts.generated++;
  counts.statements += analysis.genome.length;
  counts.live += analysis.live.length;
  if (origin === "structure") counts.structuralHits++;
  else structures.set(analysis.key, score);
  if (origin === "updates") counts.probeHits++;
  if (training !== undefined) {
    const { evaluation: { hurdle, isLost }, tuned } = training;
    counts.trained++;
    probes.set(probe, score);
    if (score === -Infinity) counts.stopped++;
    if (isLost) counts.lost++;
    if (hurdle !== undefined && Number.isFinite(hurdle)) {
      state.hurdles.push(hurdle);
      if (state.hurdles.length > LATE) state.hurdles.shift();
    }
    if (tuned !== undefined) {
      counts.trained += tuned.trained;
      shapes.set(tuned.shape, Math.max(shapes.get(tuned.shape) ?? -Infinity, score, tuned.score));
      analysis = analyse(space, tuned.genome);
      score = tuned.score;
      structures.set(analysis.key, score);
    }
  }
  const before = isNewcomer ? undefined : parent.lineage;
  const lineage = { birth, mutation, score, parent: before, founder: before?.founder ?? birth };
  const cases = (training?.tuned ?? training?.evaluation)?.scores;
  const grown = individual(analysis, score, lineage, cases);
  if (score > state.recent) [state.recent, state.renewed] = [score, counts.generated];
  front.offer(grown);
  hall.offer(grown);
  survive(population, grown);
}

/** Adds a point to the curve if it is time, a share of the budget being used. */
export function mark(state: SearchState, share: number): void {
  const { counts, curve, marked, hall } = state;
  if (share < 1 && share < (curve.length + 1) / POINTS) return;
  const { generated, trained, statements, live } = counts;
  const hits = counts.structuralHits + counts.probeHits;
  curve.push({
    generated,
    trained,
    best: hall.best?.score ?? -Infinity,
    hitRate: (hits - marked.hits) / (generated - marked.generated),
    redundancy: 1 - (live - marked.live) / (statements - marked.statements),
  });
  state.marked = { generated, hits, statements, live };
}
