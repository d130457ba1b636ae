/** How a server of NATS is reached, and what is kept there under which name. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import {
  FUNCTION,
  type Kinds,
  needed,
  RECORD,
  requireOptions,
  TEXT,
  whole,
} from "../../dsl/options.ts";

/** A NATS server with JetStream, and the name under which searches and workers meet there. */
export interface NatsOptions {
  /** Addresses such as `nats://host:4222`, of one server or of those of a cluster; without credentials. */
  readonly servers: string | readonly string[];
  /** The name of a user. */
  readonly user?: string;
  /** The user's password. */
  readonly pass?: string;
  /** A token, for servers that ask for that. */
  readonly token?: string;
  /** The path of a file of credentials: a JWT and its seed. */
  readonly creds?: string;
  /** Paths of PEM files for TLS: of the authority that signed the server's certificate, and of one's own. */
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
  /**
   * What streams, buckets and subjects begin with; searches and workers of one name work together and share
   * their scores, and are of one version of Gradus. Default `gradus`.
   */
  readonly name?: string;
  /** On how many servers of a cluster everything is kept, where it is made here. Default 1. */
  readonly replicas?: number;
  /** Is told in a sentence of what is worth knowing, such as a server that does not answer. */
  readonly notice?: (text: string) => void;
}

const isText = (value: unknown): boolean => typeof value === "string";

/** What options of all that meet on a server must be; whether addresses are some `checkServers` tells. */
export const NATS: Kinds<NatsOptions> = {
  servers: needed({
    is: (value) => Array.isArray(value) ? value.length > 0 && value.every(isText) : isText(value),
    must: "an address such as nats://host:4222, or a list of them",
  }),
  user: TEXT,
  pass: { is: isText, must: "a text" },
  token: TEXT,
  creds: TEXT,
  tls: RECORD,
  name: {
    is: (value) => isText(value) && /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(value as string),
    must: 'letters, digits and "-", at most 64',
  },
  replicas: whole(1, 5),
  notice: FUNCTION,
};

const TLS: Kinds<NonNullable<NatsOptions["tls"]>> = {
  caFile: TEXT,
  certFile: TEXT,
  keyFile: TEXT,
};

/** Refuses what cannot be used of the options of all that meet on a server; `kinds` are those of all options. */
export function checkNats<T extends NatsOptions>(doing: string, options: T, kinds: Kinds<T>): void {
  requireOptions(doing, options, kinds);
  checkServers(options);
  const { user, pass, token, creds, tls } = options;
  if (tls !== undefined) requireOptions(doing, tls, TLS, "tls");
  const ways = [["user", user, "NATS_USER"], ["token", token, "NATS_TOKEN"], [
    "creds",
    creds,
    "NATS_CREDS",
  ]].filter(([, value]) => value !== undefined);
  if (ways.length > 1) {
    const named = ways.map(([name, , variable]) => `\`${name}\` (${variable})`);
    throw new GradusError(
      `${doing}: one of ${named.join(" and ")} must be chosen: each says by itself who one is`,
    );
  }
  if (pass !== undefined && user === undefined) {
    throw new GradusError(`${doing}: \`pass\` is of a \`user\`, who must be named`);
  }
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined)) {
    throw new GradusError(`${doing}: \`tls.certFile\` and \`tls.keyFile\` belong together`);
  }
}

/** Refuses addresses that hold credentials, which are never to be shown, or that are none. */
export function checkServers({ servers }: Pick<NatsOptions, "servers">): void {
  for (const server of [servers].flat()) {
    // Command lines are seen by all users of a machine, and messages by more.
    if (server.includes("@")) {
      throw new GradusError(
        "Cannot connect to a NATS server: its address must be without credentials: they are options of " +
          "their own, or for `gradus` variables such as NATS_USER, NATS_PASSWORD and NATS_CREDS",
      );
    }
    const address = server.includes("://") ? server : `nats://${server}`;
    if (/^(nats|tls):/.test(address) && URL.parse(address)?.hostname) continue;
    throw new GradusError(
      `Cannot connect to a NATS server: its address must be such as nats://host:4222: given ${
        quoted(server)
      }`,
    );
  }
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
