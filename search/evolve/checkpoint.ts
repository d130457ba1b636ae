/** Checkpoints: the whole state of a search between two batches, as text, and files that hold it. */
import { GradusError } from "../../dsl/errors.ts";
import { analyse } from "../analysis/structure.ts";
import { parseGenome, printGenome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import { Front, HallOfFame, type Individual, type Lineage } from "./archive.ts";
import { builtin } from "./builtin.ts";
import type { CheckpointStore, SearchOptions } from "./options.ts";
import { individual, type SearchState } from "./population.ts";
import { digestOfData } from "./score_cache.ts";

const VERSION = 2;

/** An individual, its lineage by its place in the list of all. */
interface SavedIndividual {
  readonly text: string;
  readonly score: number | null;
  readonly lineage: number;
}
type SavedLineage = readonly [
  birth: number,
  mutation: string,
  score: number | null,
  parent: number,
];

// JSON has no -∞.
const saved = (score: number): number | null => score === -Infinity ? null : score;
const loaded = (score: number | null): number => score ?? -Infinity;

/** What a result does not depend on, and the budget: a search may be told to go on for longer. */
const NOT_OF_IDENTITY = new Set([
  ...["budget", "cache", "checkpoint", "heldOut", "patience", "space", "workers"],
]);

/** What must be the same for a search to go on. */
function identityOf(space: Space, options: SearchOptions): string {
  const own = Object.entries(options).filter(([name]) => !NOT_OF_IDENTITY.has(name));
  return digestOfData([space.options, Object.fromEntries(own)]);
}

/** The text of a state. */
export function writeCheckpoint(space: Space, options: SearchOptions, state: SearchState): string {
  const places = new Map<Lineage, number>();
  const lineages: SavedLineage[] = [];
  const place = (lineage: Lineage): number => {
    const missing: Lineage[] = [];
    for (let each: Lineage | undefined = lineage; each && !places.has(each); each = each.parent) {
      missing.push(each);
    }
    for (const each of missing.reverse()) {
      const parent = each.parent === undefined ? -1 : places.get(each.parent)!;
      places.set(each, lineages.push([each.birth, each.mutation, saved(each.score), parent]) - 1);
    }
    return places.get(lineage)!;
  };
  const kept = ({ genome, score, lineage }: Individual): SavedIndividual => ({
    text: printGenome(space, genome),
    score: saved(score),
    lineage: place(lineage),
  });
  const { population, front, hall, structures, probes, shapes, curve, recent, ...plain } = state;
  const scores = (of: ReadonlyMap<string, number>) =>
    [...of].map(([key, score]) => [key, saved(score)]);
  return JSON.stringify({
    version: VERSION,
    identity: identityOf(space, options),
    ...plain,
    population: population.map(kept),
    front: front.members.map(kept),
    hall: hall.members.map(kept),
    structures: scores(structures),
    probes: scores(probes),
    shapes: scores(shapes),
    curve: curve.map((point) => ({ ...point, best: saved(point.best) })),
    recent: saved(recent),
    lineages,
  });
}

/** The state that a text holds. */
export function readCheckpoint(space: Space, options: SearchOptions, text: string): SearchState {
  const { version, identity, lineages: list, ...read } = JSON.parse(text);
  if (version !== VERSION || identity !== identityOf(space, options)) {
    throw new GradusError(
      "Cannot go on with a search: its checkpoint is of other tasks, options or another version; " +
        "use them again, or another place for this search",
    );
  }
  const lineages: Lineage[] = [];
  for (const [birth, mutation, score, parent] of list as SavedLineage[]) {
    lineages.push({ birth, mutation, score: loaded(score), parent: lineages[parent] });
  }
  const revived = ({ text, score, lineage }: SavedIndividual): Individual =>
    individual(analyse(space, parseGenome(space, text)), loaded(score), lineages[lineage]);
  const scores = (list: [string, number | null][]) =>
    new Map(list.map(([key, score]) => [key, loaded(score)]));
  return {
    ...read,
    population: read.population.map(revived),
    front: new Front(read.front.map(revived)),
    hall: new HallOfFame(options.hall ?? 20, read.hall.map(revived)),
    structures: scores(read.structures),
    probes: scores(read.probes),
    shapes: scores(read.shapes),
    curve: read.curve.map((point: { best: number | null }) => ({
      ...point,
      best: loaded(point.best),
    })),
    recent: loaded(read.recent),
  };
}

interface Files {
  readFile(path: string, encoding: "utf8"): Promise<string>;
  open(path: string, flags: string): Promise<{
    writeFile(text: string): Promise<void>;
    sync(): Promise<void>;
    close(): Promise<void>;
  }>;
  rename(from: string, to: string): Promise<void>;
}

/**
 * Keeps checkpoints in a file: written beside it, then put in its place, so that it is whole at any moment.
 *
 * @example
 * ```ts
 * import { fileCheckpoint } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/search.json`;
 * assertEquals(await fileCheckpoint(path).load(), undefined);
 * await fileCheckpoint(path).save("{}");
 * assertEquals(await fileCheckpoint(path).load(), "{}");
 * ```
 */
export function fileCheckpoint(path: string): CheckpointStore {
  const files = builtin<Files>("node:fs/promises");
  if (files === undefined) {
    throw new GradusError("Cannot keep a checkpoint: there are no files here");
  }
  return {
    async load() {
      try {
        return await files.readFile(path, "utf8");
      } catch (error) {
        if ((error as { code?: string }).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async save(text) {
      const beside = `${path}.part`;
      const file = await files.open(beside, "w");
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await files.rename(beside, path);
    },
  };
}
