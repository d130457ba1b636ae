/** Powell's method on the constants of a program: a local search that draws nothing at random. */
import { analyse } from "../analysis/structure.ts";
import { exp } from "../programs/exact_math.ts";
import type { Genome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import type { Evaluation } from "../tasks/evaluator.ts";

/** A program with the scores of its constants. */
export interface Tuned extends Scores {
  /** The program. */
  readonly genome: Genome;
}

/** What scoring a program gave: the whole, and of each problem. */
type Scores = Pick<Evaluation, "score" | "scores">;

/** Where a constant is: a statement, and its place among the arguments. */
type Place = readonly [position: number, argument: number];

/** A step along a line is at most so many times as long as the ones that it was made from. */
const LEAP = 4;
/** A direction along which scores change by less is left alone from then on. */
const FLAT = 1e-7;
/** Shorter steps, beside the first, lead nowhere. */
const SHORTEST = 1e-7;

/**
 * Powell's method on the constants that matter: along one direction after the other a parabola is laid
 * through three scores, and the way that a whole round went is a direction of the next. It yields programs
 * to be scored and takes their scores. It ends after about so many
 * `evaluations`, or after a round that left the score below `least`.
 */
export function* tuning(
  space: Space,
  first: Tuned,
  { evaluations, least = -Infinity }: { readonly evaluations: number; readonly least?: number },
): Generator<readonly Genome[], Tuned, readonly Scores[]> {
  const places = constantsOf(space, first.genome);
  let best = first;
  if (places.length === 0) return best;
  const at = (values: readonly number[]): Genome => withConstants(first.genome, places, values);
  let point = places.map(([position, argument]) => first.genome[position].args[argument] as number);
  const directions = point.map((value, i) => point.map((_, k) => k === i ? reach(value) : 0));
  const lengths = point.map(() => 1);
  const moved = (by: readonly number[], length: number) =>
    point.map((value, i) => value + length * by[i]);
  let spent = 0;
  while (spent < evaluations) {
    const start = point;
    const before = best.score;
    let widest = { gain: -Infinity, direction: 0 };
    for (let i = 0; i < directions.length && spent < evaluations; i++) {
      if (lengths[i] === 0) continue;
      const old = best.score;
      const steps = [lengths[i], -lengths[i]];
      const tried = [...yield steps.map((step) => at(moved(directions[i], step)))];
      const leap = lengths[i] * vertex(old, tried[0].score, tried[1].score);
      if (Number.isFinite(leap)) {
        steps.push(leap);
        tried.push(...yield [at(moved(directions[i], leap))]);
      }
      spent += steps.length;
      const k = tried.reduce((k, { score }, other) => score > tried[k].score ? other : k, 0);
      if (tried[k].score > old) {
        point = moved(directions[i], steps[k]);
        best = { ...tried[k], genome: at(point) };
        // Near an optimum parabolas leap ever less far, and steps follow; elsewhere they grow.
        lengths[i] *= k === 2 ? Math.max(0.1, Math.min(2, Math.abs(leap) / lengths[i])) : 2;
      } else {
        const isFlat = tried.every(({ score }) => Math.abs(score - old) < FLAT);
        lengths[i] = isFlat ? 0 : lengths[i] / 4;
      }
      const gain = best.score - old;
      if (gain > widest.gain) widest = { gain, direction: i };
    }
    if (best.score < least || lengths.every((length) => length < SHORTEST)) break;
    if (best.score > before && spent < evaluations && places.length > 1) {
      const way = point.map((value, i) => value - start[i]);
      const target = moved(way, 1);
      const [scores] = yield [at(target)];
      spent++;
      if (scores.score > best.score) {
        [best, point] = [{ ...scores, genome: at(target) }, target];
        directions[widest.direction] = way;
        lengths[widest.direction] = 1;
      }
    }
  }
  return best;
}

/** The constants that matter. */
function constantsOf(space: Space, genome: Genome): Place[] {
  return analyse(space, genome).live.flatMap((position) =>
    genome[position].args.flatMap((arg, k): Place[] =>
      typeof arg === "number" && Number.isFinite(arg) ? [[position, k]] : []
    )
  );
}

function withConstants(
  genome: Genome,
  places: readonly Place[],
  values: readonly number[],
): Genome {
  const changed = [...genome];
  places.forEach(([position, argument], i) => {
    const statement = changed[position];
    changed[position] = { ...statement, args: statement.args.with(argument, values[i]) };
  });
  return changed;
}

/** How far a constant goes at first: half as far as to 0 or to 1, where functions change their nature. */
function reach(value: number): number {
  const distance = Math.min(Math.abs(value), Math.abs(1 - value)) / 2;
  return distance > 0 ? distance : 0.25;
}

/**
 * Where the loss is least, in steps, by the parabola through the loss at 0, 1 and -1; a loss is e to the
 * power of minus twice the score, which is what is quadratic where a program is near what it should be.
 */
function vertex(middle: number, plus: number, minus: number): number {
  const [p, m] = [plus, minus].map((score) => exp(2 * (middle - score)));
  const curvature = p - 2 + m;
  return curvature > 0
    ? Math.max(-LEAP, Math.min(LEAP, (m - p) / (2 * curvature)))
    : p < 1 || m < 1
    ? (p < m ? LEAP : -LEAP)
    : NaN;
}
