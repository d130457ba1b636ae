/** Settles what a search found: its constants are tuned and made short, and it is compared with the rule. */
import { equivalent } from "../../search/derive/mod.ts";
import {
  analyse,
  Evaluator,
  type Genome,
  parseGenome,
  printGenome,
  programOf,
  resemblance,
  type Space,
  type TraceTask,
  tuneConstants,
} from "../../search/mod.ts";

/** What was found, settled. */
export interface Settled {
  readonly genome: Genome;
  /** Programs that were trained for it. */
  readonly trained: number;
  readonly isEquivalent: boolean;
}

/** Constants are made shorter by no more than these shares of themselves, the boldest first. */
const SHARES = [1e-2, 1e-3, 1e-4];
/** How far updates of the same rule may be apart in terms of the largest: the guards of 1e-8, and float32. */
const TOLERANCE = 1e-6;
/** Scores from which constants are worth being tuned at length. */
const NEAR = 1.5;

/** Settles a find; first as it is, and then with its constants tuned. */
export async function settled(space: Space, task: TraceTask, genome: Genome): Promise<Settled> {
  const evaluator = await Evaluator.of(space, [task]);
  let trained = 0;
  const scoreOf = (each: Genome) => {
    trained++;
    return evaluator.evaluate(analyse(space, each), { below: -Infinity }).score;
  };
  const told = (each: Genome): Settled => {
    const short = shortened(space, each, scoreOf);
    const { factor } = resemblance(space, task, short);
    trained++;
    const [form = factor] = shortForms(factor, 1e-5);
    const whole = parseGenome(space, `${printGenome(space, short)}\nupdate = mul(update, ${form})`);
    return { genome: whole, trained, isEquivalent: isRule(space, task, whole) };
  };
  const quick = told(genome);
  if (quick.isEquivalent || !(scoreOf(genome) > NEAR)) return quick;
  const tuned = await tuneConstants(printGenome(space, genome), {
    tasks: [task],
    evaluations: 400,
    below: -Infinity,
    space: space.options,
  });
  trained += tuned.trained;
  return told(parseGenome(space, tuned.text));
}

/** Whether a program is the rule of a recording, for a small and a large learning rate. */
function isRule(space: Space, { rule }: TraceTask, genome: Genome): boolean {
  const [planted, found] = [parseGenome(space, rule), genome].map((each) => programOf(space, each));
  return [0.01, 0.7].every((learningRate) =>
    equivalent(planted, found, { hyper: { learningRate }, tolerance: TOLERANCE }).equivalent
  );
}

/** The program with constants of few digits, where its score is no worse for it. */
function shortened(
  space: Space,
  genome: Genome,
  scoreOf: (genome: Genome) => number,
): Genome {
  let best = { genome, score: scoreOf(genome) };
  const offer = (each: Genome) => {
    const score = scoreOf(each);
    if (score >= best.score - 1e-3) best = { genome: each, score };
    return best.genome === each;
  };
  const places = analyse(space, genome).live.flatMap((position) =>
    genome[position].args.flatMap((arg, place) =>
      typeof arg === "number" ? [{ position, place }] : []
    )
  );
  const at = (from: Genome, { position, place }: typeof places[number], value: number): Genome =>
    from.with(position, {
      ...from[position],
      args: from[position].args.with(place, value),
    });
  // All at once, for where one by one they make up for one another.
  for (const share of SHARES) {
    let all = genome;
    for (const each of places) {
      const value = genome[each.position].args[each.place] as number;
      all = at(all, each, shortForms(value, share)[0] ?? value);
    }
    if (offer(all)) break;
  }
  for (const each of places) {
    const value = best.genome[each.position].args[each.place] as number;
    for (const form of shortForms(value, SHARES[0])) {
      if (form === value || offer(at(best.genome, each, form))) break;
    }
  }
  return best.genome;
}

/** Numbers near a number that are shorter to say, the shortest first: of few digits, and fractions. */
function shortForms(value: number, share: number): number[] {
  const forms: number[] = [];
  for (let digits = 1; digits <= 4; digits++) forms.push(Number(value.toPrecision(digits)));
  for (let digits = 1; digits <= 2; digits++) {
    forms.push(1 - Number((1 - value).toPrecision(digits)));
  }
  for (let under = 3; under <= 20; under++) forms.push(Math.round(value * under) / under);
  return [...new Set(forms)].filter((form) => Math.abs(form - value) <= share * Math.abs(value));
}
