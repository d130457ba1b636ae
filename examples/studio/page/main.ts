/// <reference lib="dom" />
/** Begins: opens the page with the first sample, and offers to go on with what was kept. */
import { typesetter } from "../../../search/page/typesetter.ts";
import type { SampleName } from "../protocol.ts";
import { SAMPLES } from "../samples/list.ts";
import { forgetSession, keptSession, type Session } from "../storage.ts";
import { h, messageOf, the } from "./dom.ts";
import { Studio } from "./studio.ts";

/** Whether no other tab of this page is open: two would write the same files. */
function isAlone(): Promise<boolean> {
  return new Promise((resolve) => {
    if (navigator.locks === undefined) return resolve(true);
    const options = { ifAvailable: true };
    void navigator.locks.request("gradus-studio", options, (lock) => {
      resolve(lock !== null);
      // Held until the page is closed.
      return lock === null ? Promise.resolve() : new Promise<never>(() => {});
    });
  });
}

/** Shows what was kept; resolves to it if a person wants to go on. */
function offer(studio: Studio, session: Session): void {
  const { source: { model }, optimizers } = session;
  const of = typeof model === "string" ? SAMPLES[model].title : model[0]?.path ?? "a model";
  const names = optimizers.map(({ name }) => name).join(" against ");
  const saved = the("saved");
  const go = h("button", {
    onclick: () => {
      saved.hidden = true;
      void studio.resume(session);
    },
  }, "Go on");
  const forget = h("button", {
    class: "quiet",
    onclick: () => {
      saved.hidden = true;
      void forgetSession();
    },
  }, "Forget it");
  saved.replaceChildren(
    h("p", {}, `A training was kept when this page was closed: ${of}, by ${names}.`),
    h("div", { class: "buttons" }, go, forget),
  );
  saved.hidden = false;
}

try {
  const alone = await isAlone();
  const session = alone ? await keptSession().catch(() => undefined) : undefined;
  const studio = new Studio(await typesetter(), alone);
  if (session !== undefined) offer(studio, session);
  if (!alone) {
    the("saved").replaceChildren(
      h("p", {}, "This page is open in another tab too. What is trained here is not saved."),
    );
    the("saved").hidden = false;
  }
  // A link may name another sample than the first: `#moons`.
  const asked = location.hash.slice(1);
  await studio.start(Object.hasOwn(SAMPLES, asked) ? asked as SampleName : "digits");
} catch (error) {
  the("error").textContent = `This page could not begin: ${messageOf(error)}`;
  the("error").hidden = false;
}
