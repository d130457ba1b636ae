/** Checkpoints: the whole state of a search between two births, as text. */
import { GradusError } from "../../dsl/errors.ts";
import { digestOf } from "../../dsl/digest.ts";
import { analyse } from "../analysis/structure.ts";
import { parseGenome, printGenome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import { Front, HallOfFame, type Individual, type Lineage } from "./archive.ts";
import type { CheckpointStore, SearchOptions } from "./options.ts";
import { type Child, individual, type SearchState } from "./population.ts";
import { digestOfData } from "./scorer.ts";

const VERSION = 4;

/** An individual, its lineage by its place in the list of all. */
interface SavedIndividual {
  readonly text: string;
  readonly score: number | null;
  readonly cases: readonly number[];
  readonly lineage: number;
}
/** A child on its way; its number is that of its place. */
interface SavedChild extends Pick<Child, "mutation" | "isNewcomer" | "origin" | "probe"> {
  readonly text: string;
  readonly parent: SavedIndividual;
  readonly below: number | null;
  readonly hurdle?: { readonly share: number; readonly above: number | null };
  readonly rival?: number | null;
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
  ...["budget", "cache", "checkpoint", "heldOut", "scorer", "space"],
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
  const kept = ({ genome, score, cases, lineage }: Individual): SavedIndividual => ({
    text: printGenome(space, genome),
    score: saved(score),
    cases,
    lineage: place(lineage),
  });
  const onItsWay = (child: Child): SavedChild => {
    const { analysis: { genome }, parent, mutation, isNewcomer, origin, probe, stop, rival } =
      child;
    const { below, hurdle } = stop;
    return {
      text: printGenome(space, genome),
      parent: kept(parent),
      ...{ mutation, isNewcomer, origin, probe },
      below: saved(below),
      ...(hurdle && { hurdle: { ...hurdle, above: saved(hurdle.above) } }),
      ...(rival !== undefined && { rival: saved(rival) }),
    };
  };
  const { population, window, front, hall, structures, probes, shapes, curve, recent, ...plain } =
    state;
  const scores = (of: ReadonlyMap<string, number>) =>
    [...of].map(([key, score]) => [key, saved(score)]);
  return sealed({
    identity: identityOf(space, options),
    ...plain,
    population: population.map(kept),
    window: window.map(onItsWay),
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

/** The text of what is saved, which begins with the version and a hash of all that follows. */
function sealed(data: object): string {
  const rest = JSON.stringify(data).slice(1);
  return `{"version":${VERSION},"hash":"${digestOf(rest)}",${rest}`;
}

/** What was sealed, if it is what was written; `refuse` is told what is wrong. */
function unsealed(text: string, refuse: (reason: string) => never) {
  const [head, version, hash] = /^\{"version":(\d+),(?:"hash":"([0-9a-f]{32})",)?/.exec(text) ?? [];
  if (head === undefined) refuse("it is no checkpoint of a search, or its beginning is damaged");
  if (Number(version) !== VERSION) {
    refuse(`it must be of version ${VERSION} of this format: given version ${version}`);
  }
  const rest = text.slice(head.length);
  if (digestOf(rest) !== hash) {
    refuse("it is damaged: it was cut off or changed after it was written");
  }
  return JSON.parse(`{${rest}`);
}

/** The state that a text holds; `store` is where it is from, for messages. */
export function readCheckpoint(
  space: Space,
  options: SearchOptions,
  text: string,
  { place, before }: Pick<CheckpointStore, "place" | "before"> = {},
): SearchState {
  const name = place === undefined ? "its checkpoint" : `its checkpoint \`${place}\``;
  const refuse = (reason: string, remedy: string): never => {
    throw new GradusError(`Cannot go on with a search from ${name}: ${reason}; ${remedy}`);
  };
  const earlier = before === undefined
    ? "choose another place to begin anew"
    : `choose another place to begin anew, or \`${before}\`, if it is there, to go on from what was ` +
      `saved before`;
  const { identity, lineages: list, ...read } = unsealed(text, (reason) => refuse(reason, earlier));
  if (identity !== identityOf(space, options)) {
    refuse("it is of other tasks or options", "use them again, or another place for this search");
  }
  const lineages: Lineage[] = [];
  for (const [birth, mutation, score, parent] of list as SavedLineage[]) {
    const before = lineages[parent];
    const founder = before?.founder ?? birth;
    lineages.push({ birth, mutation, score: loaded(score), parent: before, founder });
  }
  const revived = ({ text, score, cases, lineage }: SavedIndividual): Individual =>
    individual(analyse(space, parseGenome(space, text)), loaded(score), lineages[lineage], cases);
  const child = (saved: SavedChild, i: number): Child => {
    const { text, parent, mutation, isNewcomer, origin, probe, below, hurdle, rival } = saved;
    return {
      analysis: analyse(space, parseGenome(space, text)),
      parent: revived(parent),
      birth: read.counts.generated + i,
      ...{ mutation, isNewcomer, origin, probe },
      stop: {
        below: loaded(below),
        ...(hurdle && { hurdle: { ...hurdle, above: loaded(hurdle.above) } }),
      },
      ...(rival !== undefined && { rival: loaded(rival) }),
    };
  };
  const scores = (list: [string, number | null][]) =>
    new Map(list.map(([key, score]) => [key, loaded(score)]));
  return {
    ...read,
    population: read.population.map(revived),
    window: read.window.map(child),
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
