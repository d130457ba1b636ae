/// <reference lib="dom" />
/** What a person is told: errors, and what happens for those who hear the page. */
import { h, messageOf, the } from "./dom.ts";

/** Shows what went wrong, until it is closed or the next thing is begun. */
export function fail(error: unknown): void {
  const close = () => {
    hideError();
    the("train").focus();
  };
  the("error").replaceChildren(
    h("p", {}, messageOf(error)),
    h("button", { class: "quiet", onclick: close }, "Close"),
  );
  the("error").hidden = false;
}

/** Takes the error away. */
export function hideError(): void {
  the("error").hidden = true;
}

/** Says what happened to those who hear the page. */
export function announce(text: string): void {
  the("live").textContent = text;
}
