/** What a search keeps of what it found: individuals and their lineage, the Pareto front, the best. */
import type { Genome } from "../programs/genome.ts";

/** How an individual came to be, back to the first: which mutation, and what score its kind had. */
export interface Lineage {
  /** Its number among all that the search made; those it started from have numbers below 0. */
  readonly birth: number;
  /** The mutation that made it, or `init`. */
  readonly mutation: string;
  /** Its score. */
  readonly score: number;
  /** The lineage of its parent; the first of a line has none. */
  readonly parent: Lineage | undefined;
  /** The birth of the first of its line: the younger the line, the greater. */
  readonly founder: number;
}

/** A program of a search with what is known of it. */
export interface Individual {
  /** Its statements, redundant ones included. */
  readonly genome: Genome;
  /** The structural hash. */
  readonly key: string;
  /** The mean over the tasks; -∞ if it exploded. */
  readonly score: number;
  /** The score of each problem; none where the program was known already, or exploded. */
  readonly cases: readonly number[];
  /** Statements that matter. */
  readonly length: number;
  /** Bytes of state per parameter. */
  readonly stateBytes: number;
  /** How it came to be. */
  readonly lineage: Lineage;
}

/** The individuals that none other betters in score, length and state at once, longest first. */
export class Front {
  #members: Individual[];

  constructor(members: readonly Individual[] = []) {
    this.#members = [...members];
  }

  get members(): readonly Individual[] {
    return this.#members;
  }

  /** Whether the individual is on the front now. */
  offer(given: Individual): boolean {
    if (!Number.isFinite(given.score)) return false;
    if (this.#members.some((member) => isAsGood(member, given))) return false;
    this.#members = this.#members.filter((member) => !isAsGood(given, member));
    this.#members.push(given);
    this.#members.sort((a, b) =>
      b.length - a.length || b.stateBytes - a.stateBytes || b.score - a.score
    );
    return true;
  }
}

function isAsGood(a: Individual, b: Individual): boolean {
  return a.score >= b.score && a.length <= b.length && a.stateBytes <= b.stateBytes;
}

/** The best individuals of different scores, best first: equal scores are nearly always equal rules. */
export class HallOfFame {
  readonly #size: number;
  readonly #members: Individual[];

  constructor(size: number, members: readonly Individual[] = []) {
    [this.#size, this.#members] = [size, [...members]];
  }

  get members(): readonly Individual[] {
    return this.#members;
  }

  get best(): Individual | undefined {
    return this.#members[0];
  }

  offer(given: Individual): void {
    const { score } = given;
    const last = this.#members.at(-1);
    const isFull = this.#members.length >= this.#size;
    if (!Number.isFinite(score) || (isFull && last !== undefined && last.score >= score)) return;
    if (this.#members.some((member) => member.score === score)) return;
    const at = this.#members.findIndex((member) => member.score < score);
    this.#members.splice(at < 0 ? this.#members.length : at, 0, given);
    if (this.#members.length > this.#size) this.#members.pop();
  }
}

/**
 * A lineage as a list, the first ancestor first.
 *
 * @example
 * ```ts
 * import { ancestry, quadraticProxy, searched } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const { best } = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 } });
 * assertEquals(ancestry(best!.lineage)[0].mutation, "init");
 * ```
 */
export function ancestry(lineage: Lineage): Lineage[] {
  const list: Lineage[] = [];
  for (let each: Lineage | undefined = lineage; each !== undefined; each = each.parent) {
    list.push(each);
  }
  return list.reverse();
}
