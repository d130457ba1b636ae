/** Mutations: statements inserted, deleted, changed or wired in, so that every child is a program. */
import { exp2 } from "./exact_math.ts";
import type { Kind } from "./functions.ts";
import { type Genome, type GenomeStatement, mistakeIn, resultOf } from "./genome.ts";
import type { Random } from "./random.ts";
import { type Space, UPDATE } from "./space.ts";

/** A change to a genome; undefined where it finds nothing to change. */
export type Mutation = (space: Space, genome: Genome, random: Random) => Genome | undefined;

/** Mutations by name, each with its weight among the others. */
export type Mutations = Readonly<
  Record<string, { readonly weight: number; readonly mutate: Mutation }>
>;

/** No constant is farther from 0. */
const LARGEST = 1e10;
const ATTEMPTS = 100;

/** A random statement at a random place, into a new variable or one that is there, equally likely. */
export const insert: Mutation = (space, genome, random) => {
  if (genome.length >= space.options.longest) return undefined;
  const position = random.below(genome.length + 1);
  const { names, kinds } = knownAt(space, genome, position);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { call, args } = randomCall(space, names, kinds, random);
    const result = resultOf(space, call, args, kinds);
    if (result === undefined) continue;
    const targets = names.filter((name) => kinds.get(name) === result && !space.frozen.has(name));
    const target = targets.length > 0 && random.below(2) === 0
      ? random.pick(targets)
      : freshName(space, genome);
    return genome.toSpliced(position, 0, { target, call, args });
  }
  return undefined;
};

/** A random statement gone, of those whose value is not read before it is set anew. */
export const remove: Mutation = (space, genome, random) => {
  const removable = genome.flatMap((_, position) =>
    isRemovable(space, genome, position) ? [position] : []
  );
  return removable.length === 0 ? undefined : genome.toSpliced(random.pick(removable), 1);
};

/** A random argument changed: a variable for another of its kind, a constant as {@linkcode tune} does. */
export const modify: Mutation = (space, genome, random) => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const position = random.below(genome.length);
    const { args } = genome[position];
    if (args.length === 0) continue;
    const place = random.below(args.length);
    const old = args[place];
    if (typeof old === "number") return withArgument(genome, position, place, tuned(old, random));
    const { names, kinds } = knownAt(space, genome, position);
    const others = names.filter((name) => name !== old && kinds.get(name) === kinds.get(old));
    if (others.length > 0) return withArgument(genome, position, place, random.pick(others));
  }
  return undefined;
};

/** A random constant changed: a normal number in its stead, or multiplied by 2 to the power of one. */
export const tune: Mutation = (_space, genome, random) =>
  atConstant(genome, random, (old) => tuned(old, random));

function atConstant(
  genome: Genome,
  random: Random,
  change: (old: number) => number,
): Genome | undefined {
  const places = genome.flatMap(({ args }, position) =>
    args.flatMap((arg, place) => typeof arg === "number" ? [[position, place, arg] as const] : [])
  );
  if (places.length === 0) return undefined;
  const [position, place, old] = random.pick(places);
  return withArgument(genome, position, place, limited(change(old)));
}

/**
 * A random statement inserted and used at once: it takes a variable that another statement reads, and that
 * statement reads its result instead.
 *
 * @example
 * ```ts
 * import { parseGenome, printGenome, Random, space, wire } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const genome = parseGenome(space(), "update = sign(g)");
 * const child = wire(space(), genome, new Random(3, 0, 0))!;
 * assertEquals(printGenome(space(), child).split("\n")[1], "update = sign(x1)");
 * ```
 */
export const wire: Mutation = (space, genome, random): Genome | undefined =>
  wired(space, genome, random, (names, kinds) => randomCall(space, names, kinds, random));

/** A call put between a variable and a statement that reads it, the variable being one of its arguments. */
function wired(
  space: Space,
  genome: Genome,
  random: Random,
  make: (
    names: readonly string[],
    kinds: ReadonlyMap<string, Kind>,
  ) => Pick<GenomeStatement, "call" | "args">,
): Genome | undefined {
  if (genome.length >= space.options.longest) return undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const position = random.below(genome.length);
    const reader = genome[position];
    if (reader.args.length === 0) continue;
    const place = random.below(reader.args.length);
    const read = reader.args[place];
    if (typeof read === "number") continue;
    const { names, kinds } = knownAt(space, genome, position);
    const { call, args: made } = make(names, kinds);
    if (made.length === 0) continue;
    const args = made.with(random.below(made.length), read);
    if (args.some((arg) => typeof arg === "string" && !kinds.has(arg))) continue;
    if (resultOf(space, call, args, kinds) !== kinds.get(read)) continue;
    const target = freshName(space, genome);
    const rewired = { ...reader, args: reader.args.with(place, target) };
    return genome.toSpliced(position, 1, { target, call, args }, rewired);
  }
  return undefined;
}

/**
 * A call that the genome has already, once more: as {@linkcode wire}, but the function and the other arguments
 * are those of a statement of the genome, its constants included. What has proved useful is useful again.
 *
 * @example
 * ```ts
 * import { parseGenome, printGenome, Random, repeat, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const genome = parseGenome(space(), "m = interp(g, m, 0.9)\nupdate = sign(m)");
 * const child = repeat(space(), genome, new Random(2, 0, 0))!;
 * assertEquals(printGenome(space(), child).split("\n").slice(1), ["x1 = interp(g, m, 0.9)", "update = sign(x1)"]);
 * ```
 */
export const repeat: Mutation = (space, genome, random): Genome | undefined =>
  wired(space, genome, random, () => random.pick(genome));

/**
 * A random constant changed a little: by some hundredths of itself.
 *
 * @example
 * ```ts
 * import { parseGenome, polish, Random, space } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const genome = parseGenome(space(), "update = mul(g, 0.5)");
 * const [{ args }] = polish(space(), genome, new Random(1, 0, 0))!;
 * assert(args[1] !== 0.5 && Math.abs(Number(args[1]) - 0.5) < 0.1);
 * ```
 */
export const polish: Mutation = (_space, genome, random): Genome | undefined =>
  atConstant(genome, random, (old) => old * exp2(random.normal() / 16));

/**
 * The paper's mutations, equally likely.
 *
 * @example
 * ```ts
 * import { paperMutations, polish } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const own = { ...paperMutations, polish: { weight: 0.5, mutate: polish } };
 * assertEquals(Object.keys(own), ["insert", "remove", "modify", "polish"]);
 * ```
 */
export const paperMutations: Mutations = {
  insert: { weight: 1, mutate: insert },
  remove: { weight: 1, mutate: remove },
  modify: { weight: 1, mutate: modify },
};

/**
 * Constants only: the baseline that any discovery must beat.
 *
 * @example
 * ```ts
 * import { constantsOnly, printGenome, quadraticProxy, searched, space } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const { best } = await searched({
 *   tasks: quadraticProxy(2),
 *   mutations: constantsOnly,
 *   budget: { trained: 20 },
 * });
 * assert(printGenome(space(), best!.genome).includes("update = div(m, sqrt_v)"));
 * ```
 */
export const constantsOnly: Mutations = { tune: { weight: 1, mutate: tune } };

/** Mutations whose children need no check. */
const OURS: ReadonlySet<Mutation> = new Set([insert, remove, modify, wire, repeat, polish, tune]);

/** A child of a genome by one mutation, and which it was; a mutation that finds nothing is drawn anew. */
export function mutate(
  space: Space,
  genome: Genome,
  mutations: Mutations,
  random: Random,
): { readonly child: Genome; readonly mutation: string } {
  const entries = Object.entries(mutations);
  const total = entries.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let left = random.uniform() * total;
    const [mutation, { mutate }] = entries.find(([, { weight }]) => (left -= weight) < 0) ??
      entries[entries.length - 1];
    const child = mutate(space, genome, random);
    const isValid = child !== undefined &&
      (OURS.has(mutate) || mistakeIn(space, child) === undefined);
    if (isValid) return { child, mutation };
  }
  return { child: genome, mutation: "none" };
}

/** A random function with random arguments; where no combination of kinds fits, the caller draws again. */
function randomCall(
  space: Space,
  names: readonly string[],
  kinds: ReadonlyMap<string, Kind>,
  random: Random,
): Pick<GenomeStatement, "call" | "args"> {
  const call = random.below(space.functions.length);
  const args: (string | number)[] = space.functions[call].parameters.map(({ kind }) => {
    const fitting = kind === "any" ? names : names.filter((name) => kinds.get(name) === kind);
    const choice = random.below(fitting.length + (kind === "tensor" ? 0 : 1));
    return choice < fitting.length ? fitting[choice] : randomConstant(random);
  });
  return { call, args };
}

function randomConstant(random: Random): number {
  return random.below(2) === 0 ? 1 : random.normal();
}

function tuned(old: number, random: Random): number {
  return limited(random.below(2) === 0 ? random.normal() : old * exp2(random.normal()));
}

function limited(constant: number): number {
  return Math.max(-LARGEST, Math.min(LARGEST, constant));
}

function withArgument(
  genome: Genome,
  position: number,
  place: number,
  value: string | number,
): Genome {
  const statement: GenomeStatement = genome[position];
  return genome.with(position, { ...statement, args: statement.args.with(place, value) });
}

/** The variables that may be read before the statement at `position`. */
function knownAt(
  space: Space,
  genome: Genome,
  position: number,
): { readonly names: string[]; readonly kinds: ReadonlyMap<string, Kind> } {
  const kinds = new Map(space.kinds);
  for (let i = 0; i < position; i++) {
    const { target, call, args } = genome[i];
    if (!kinds.has(target)) kinds.set(target, resultOf(space, call, args, kinds)!);
  }
  return { names: [...kinds.keys()], kinds };
}

/** A variable is of one kind throughout, so a name must be new to the whole genome. */
export function freshName(space: Space, genome: Genome): string {
  const taken = new Set(genome.map(({ target }) => target));
  for (let number = 1;; number++) {
    const name = `x${number}`;
    if (!taken.has(name) && !space.kinds.has(name)) return name;
  }
}

function isRemovable(space: Space, genome: Genome, position: number): boolean {
  const { target } = genome[position];
  if (space.kinds.has(target)) return true;
  for (let i = 0; i < position; i++) if (genome[i].target === target) return true;
  for (let i = position + 1; i < genome.length; i++) {
    if (genome[i].args.includes(target)) return false;
    if (genome[i].target === target) return true;
  }
  return target !== UPDATE;
}
