/** The state of a search between two batches, and how children come into its population. */
import type { Analysis } from "../analysis/structure.ts";
import { Front, HallOfFame, type Individual, type Lineage } from "./archive.ts";
import type { Counts, CurvePoint } from "./options.ts";
import type { Survive } from "./survival.ts";

/** All that a search knows between two batches; a checkpoint holds it. */
export interface SearchState {
  counts: { -readonly [K in keyof Counts]: Counts[K] };
  population: Individual[];
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

/** How many late trainings a hurdle is set by. */
export const LATE = 500;
/** Points of a curve. */
const POINTS = 200;

/** Where a child's score is from: a structure that was known, known updates, or training. */
export type Origin = "structure" | "updates" | "training";

/** A child before it is let in. */
export interface Child {
  readonly analysis: Analysis;
  readonly parent: Individual;
  readonly mutation: string;
  readonly isNewcomer: boolean;
  readonly birth: number;
  readonly origin: Origin;
  /** The fingerprint, unless the structure was known. */
  readonly probe: string;
  /** The score where it is known, or else which of the trainings gives it. */
  readonly score: number | undefined;
  readonly training: number | undefined;
}

/** A child with its score, that of each problem where it was trained, and that at the hurdle. */
export interface Scored {
  readonly child: Child;
  readonly score: number;
  readonly cases: readonly number[];
  readonly hurdle: number | undefined;
  /** Whether it cost a worker. */
  readonly isLost: boolean;
}

/** What tuning a child's constants gave, and how many programs were trained for it. */
export interface TunedChild {
  readonly analysis: Analysis;
  readonly score: number;
  readonly trained: number;
}

/** Lets a child in, in its tuned form if it has one: another dies. */
export function admit(
  state: SearchState,
  { child, score, cases, hurdle, isLost }: Scored,
  tuned: TunedChild | undefined,
  survive: Survive,
): void {
  const { counts, hall, front, population } = state;
  const { analysis, parent, mutation, isNewcomer, birth, origin, probe } = child;
  counts.generated++;
  counts.statements += analysis.genome.length;
  counts.live += analysis.live.length;
  if (origin === "structure") counts.structuralHits++;
  else state.structures.set(analysis.key, score);
  if (origin === "updates") counts.probeHits++;
  if (origin === "training") {
    counts.trained++;
    state.probes.set(probe, score);
    if (score === -Infinity) counts.stopped++;
    if (isLost) counts.lost++;
    if (hurdle !== undefined && Number.isFinite(hurdle)) {
      state.hurdles.push(hurdle);
      if (state.hurdles.length > LATE) state.hurdles.shift();
    }
  }
  if (tuned !== undefined) {
    counts.trained += tuned.trained;
    state.structures.set(tuned.analysis.key, tuned.score);
  }
  const final = tuned ?? { analysis, score };
  const before = isNewcomer ? undefined : parent.lineage;
  const founder = before?.founder ?? birth;
  const lineage = { birth, mutation, score: final.score, parent: before, founder };
  // What was tuned is better than its scores of before say, and on which problems nobody knows.
  const grown = individual(final.analysis, final.score, lineage, tuned === undefined ? cases : []);
  if (final.score > state.recent) [state.recent, state.renewed] = [final.score, counts.generated];
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
