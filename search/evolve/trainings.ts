/** The trainings of children on their way: programs are scored in batches, whatever child they are for. */
import { shapeOf } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import type { Evaluation, Stop } from "../tasks/evaluator.ts";
import { type SearchOptions, WINDOW } from "./options.ts";
import type { Child, Trained } from "./population.ts";
import { type Candidate, type Scorer, type Setting, spaceOf } from "./scorer.ts";
import { tuneGenome } from "./tuning.ts";

/** A candidate that waits for its batch. */
interface Request {
  readonly candidate: Candidate;
  resolve(evaluation: Evaluation): void;
  reject(error: unknown): void;
}

/** Trains children side by side. */
export class Trainings {
  readonly #scorer: Scorer;
  readonly #setting: Setting;
  readonly #tune: SearchOptions["tune"];
  readonly #size: number;
  readonly #begun = new Map<Child, { readonly training: Promise<Trained>; isEnded: boolean }>();
  #waiting: Request[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(scorer: Scorer, setting: Setting, { tune, window = WINDOW }: SearchOptions) {
    [this.#scorer, this.#setting, this.#tune] = [scorer, setting, tune];
    // Of what is on its way there must be several batches, or several workers had nothing to do.
    this.#size = scorer.size === undefined
      ? Infinity
      : Math.min(scorer.size, Math.ceil(window / 8));
  }

  /** Begins a child's training. */
  begin(child: Child): void {
    const begun = { training: this.#train(child), isEnded: false };
    // Of one that is given up nobody needs to hear.
    begun.training.catch(() => {}).finally(() => begun.isEnded = true);
    this.#begun.set(child, begun);
  }

  /** What a child's training gave. */
  async end(child: Child): Promise<Trained> {
    const { training, isEnded } = this.#begun.get(child)!;
    this.#begun.delete(child);
    // There is nothing else to do, so that no more will come for now.
    if (!isEnded) this.#send();
    return await training;
  }

  /** Gives up what has not ended. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#begun.clear();
    [this.#timer, this.#waiting] = [undefined, []];
  }

  async #train(child: Child): Promise<Trained> {
    const { analysis: { genome }, stop, parent, rival = -Infinity } = child;
    const evaluation = await this.#score(genome, stop);
    const { score } = evaluation;
    const { evaluations, margin = 0.05 } = this.#tune ?? {};
    if (evaluations === undefined || !(score >= parent.score - margin && score > rival)) {
      return { evaluation };
    }
    const space = spaceOf(this.#setting);
    const tuned = await tuneGenome(
      space,
      { ...evaluation, genome },
      { evaluations, least: parent.score },
      (genomes) => Promise.all(genomes.map((each) => this.#score(each, stop))),
    );
    return { evaluation, tuned: { ...tuned, shape: shapeOf(space, genome) } };
  }

  #score(genome: Genome, stop: Stop): Promise<Evaluation> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ candidate: { genome, stop }, resolve, reject });
      if (this.#waiting.length >= this.#size) this.#send();
      // What comes of a score, such as a tuning, nobody else sends.
      else this.#timer ??= setTimeout(() => this.#send());
    });
  }

  /** Sends all that waits. */
  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const candidates = batch.map(({ candidate }) => candidate);
    this.#scorer.score({ setting: this.#setting, candidates }).then(
      (evaluations) => batch.forEach(({ resolve }, i) => resolve(evaluations[i])),
      (error) => batch.forEach(({ reject }) => reject(error)),
    );
  }
}
