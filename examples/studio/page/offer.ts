/// <reference lib="dom" />
/** Offers to go on with the training that was kept when the page was closed. */
import { SAMPLES } from "../samples/list.ts";
import { forgetSession, keptProgress, type Session } from "../storage.ts";
import { h, the, whole } from "./dom.ts";

/** Shows what was kept, and calls `resume` if a person wants to go on. */
export async function offer(session: Session, resume: () => void): Promise<void> {
  const { source: { model }, plan, optimizers } = session;
  const history = (await keptProgress(0))?.history;
  const step = history?.losses.at(-1)?.[0] ?? 0;
  const of = typeof model === "string" ? SAMPLES[model].title : model[0]?.path ?? "a model";
  const names = optimizers.map(({ name }) => name).join(" against ");
  const far = step < plan.steps
    ? `step ${whole(step)} of ${whole(plan.steps)}`
    : `all ${whole(step)} steps`;
  const leave = () => {
    hideOffer();
    the("train").focus();
  };
  const go = h("button", {
    onclick: () => {
      leave();
      resume();
    },
  }, step < plan.steps ? "Go on" : "Open it");
  const forget = h("button", {
    class: "quiet",
    onclick: () => {
      leave();
      void forgetSession();
    },
  }, "Forget it");
  the("saved").replaceChildren(
    h("p", {}, `Your last training is saved: ${of}, by ${names}, ${far}. A new one replaces it.`),
    h("div", { class: "buttons" }, go, forget),
  );
  the("saved").hidden = false;
}

/** Takes the offer away: what was kept is opened, or gone. */
export function hideOffer(): void {
  the("saved").hidden = true;
}
