/** How commands are told of a NATS server: its address by options, credentials by variables. */
import { checkServers, type NatsOptions } from "../search/nats/options.ts";
import type { OptionEntry } from "./command.ts";
import { type Options, UsageError } from "./values.ts";

/** The options of commands that meet on a NATS server. */
export const NATS = {
  nats: {
    value: "URL",
    text: "a NATS server with JetStream, such as nats://host:4222, or several with commas between",
  },
  queue: {
    value: "NAME",
    text: "what searches and workers meet under there, by default gradus",
  },
} as const satisfies Record<string, OptionEntry>;

/** What the help of such commands says besides. */
export const NATS_NOTE =
  "Credentials for NATS are never options, which others see: they are taken from the variables " +
  "NATS_USER and NATS_PASSWORD, NATS_TOKEN, or NATS_CREDS, the path of a file; TLS from NATS_CA, " +
  "NATS_CERT and NATS_KEY, the paths of PEM files.";

/** The server of a command line and of the environment, if one is named. */
export function natsOptions(
  { nats, queue }: Options,
  notice: (line: string) => void,
): NatsOptions | undefined {
  if (nats === undefined) {
    if (queue !== undefined) throw new UsageError("--queue needs --nats");
    return undefined;
  }
  const variable = (name: string) => Deno.env.get(name) || undefined;
  const [caFile, certFile, keyFile] = ["NATS_CA", "NATS_CERT", "NATS_KEY"].map(variable);
  const servers = String(nats).split(",");
  checkServers({ servers });
  return {
    servers,
    user: variable("NATS_USER"),
    pass: variable("NATS_PASSWORD"),
    token: variable("NATS_TOKEN"),
    creds: variable("NATS_CREDS"),
    ...((caFile ?? certFile ?? keyFile) !== undefined && {
      tls: { caFile, certFile, keyFile },
    }),
    ...(queue !== undefined && { name: String(queue) }),
    notice,
  };
}
