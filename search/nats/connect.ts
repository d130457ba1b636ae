/** Connects to a NATS server, and says what to do where that fails. */
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  TimeoutError,
  type TlsOptions,
} from "@nats-io/transport-node";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { builtin } from "../../runtime/builtin.ts";
import { messageOf, type NatsOptions } from "./options.ts";

/** How long a server may take to answer, and how long to wait before it is tried again, in milliseconds. */
const [PATIENCE, PAUSE] = [10_000, 250];

/** How long after a failure the socket may still say something, in milliseconds. */
const LAST_WORDS = 500;

interface Files {
  readFile(path: string): Promise<Uint8Array>;
}

/** A file that says who one is, or whom to trust, and what must be in it. */
interface Secret {
  readonly option: string;
  readonly variable: string;
  readonly must: string;
  readonly mark: string;
}

const CREDS: Secret = {
  option: "creds",
  variable: "NATS_CREDS",
  must: "credentials, a JWT and its seed",
  mark: "NATS USER JWT",
};
const PEM: Readonly<Record<keyof NonNullable<NatsOptions["tls"]>, Secret>> = {
  caFile: {
    option: "tls.caFile",
    variable: "NATS_CA",
    must: "certificates in PEM",
    mark: "BEGIN CERTIFICATE",
  },
  certFile: {
    option: "tls.certFile",
    variable: "NATS_CERT",
    must: "a certificate in PEM",
    mark: "BEGIN CERTIFICATE",
  },
  keyFile: {
    option: "tls.keyFile",
    variable: "NATS_KEY",
    must: "a private key in PEM",
    mark: "PRIVATE KEY",
  },
};

/** The servers that options name, in a message. */
export function placeOf({ servers }: NatsOptions): string {
  return [servers].flat().map(quoted).join(", ");
}

/** A connection that waits for its server whenever that is away; that it is there now is a condition. */
export async function connected(options: NatsOptions): Promise<NatsConnection> {
  const { servers, user, pass, token, creds } = options;
  const doing = `Cannot connect to the NATS server ${placeOf(options)}`;
  const file = creds === undefined ? undefined : await secretOf(CREDS, creds, doing);
  const tls = await tlsOf(options, doing);
  try {
    return await guarded(connect({
      servers: [servers].flat(),
      ...(user !== undefined && { user, pass }),
      ...(token !== undefined && { token }),
      ...(file !== undefined && { authenticator: credsAuthenticator(file) }),
      ...(tls !== undefined && { tls }),
      name: "gradus",
      timeout: PATIENCE,
      maxReconnectAttempts: -1,
      reconnectTimeWait: PAUSE,
      pingInterval: 5000,
    }));
  } catch (error) {
    throw new GradusError(`${doing}: ${messageOf(error)}; ${remedyOf(error, options)}`);
  }
}

async function secretOf(
  { option, variable, must, mark }: Secret,
  path: string,
  doing: string,
): Promise<Uint8Array> {
  const refuse = (reason: string): never => {
    throw new GradusError(
      `${doing}: \`${option}\`, for \`gradus\` the variable ${variable}, must be the path of a file of ` +
        `${must}: ${reason}`,
    );
  };
  const bytes = await builtin<Files>("node:fs/promises")!.readFile(path)
    .catch((error) => refuse(messageOf(error)));
  // What is in it is never shown.
  return new TextDecoder().decode(bytes).includes(mark) ? bytes : refuse(`${quoted(path)} is none`);
}

async function tlsOf(
  { servers, tls }: NatsOptions,
  doing: string,
): Promise<TlsOptions | undefined> {
  if (tls === undefined) return undefined;
  const read = async (name: keyof typeof PEM): Promise<string | undefined> => {
    const path = tls[name];
    if (path === undefined) return undefined;
    return new TextDecoder().decode(await secretOf(PEM[name], path, doing));
  };
  const [ca, cert, key] = [await read("caFile"), await read("certFile"), await read("keyFile")];
  const [server, ...others] = [servers].flat();
  const host = URL.parse(server.includes("://") ? server : `nats://${server}`)!.hostname;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    // The client holds certificates against names only, unless it is told of the address.
    ...(others.length === 0 && { host }),
  } as TlsOptions;
}

/** What a socket says that the client has let go of. */
const LEFT = /fatal alert|ECONNRESET|EPIPE/;

/**
 * What an attempt to connect gives. What its socket says when the client has let go of it, as where the server refuses
 * us, in Deno goes to whoever listens for errors of the whole process, and ends it if nobody does.
 */
async function guarded(connecting: Promise<NatsConnection>): Promise<NatsConnection> {
  const refused = Promise.withResolvers<never>();
  const listen = (event: Event) => {
    const { error } = event as ErrorEvent;
    if (!LEFT.test(messageOf(error))) return;
    event.preventDefault();
    // The attempt itself tells of all else.
    if (/alert/.test(messageOf(error))) refused.reject(error);
  };
  globalThis.addEventListener?.("error", listen);
  const end = () => globalThis.removeEventListener?.("error", listen);
  try {
    const connection = await Promise.race([connecting, refused.promise]);
    end();
    return connection;
  } catch (error) {
    void connecting.then((connection) => connection.close(), () => {});
    setTimeout(end, LAST_WORDS);
    throw error;
  }
}

/** What to do where there is no connection. */
function remedyOf(error: unknown, { tls }: NatsOptions): string {
  if (error instanceof AuthorizationError) {
    return "it asks for a user, token or credentials that it knows: for `gradus` they are the variables " +
      "NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_CREDS";
  }
  const { code = "" } = error as { readonly code?: string };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "its address must be one that its certificate names";
  }
  // A server that refuses our certificate says so, or closes, or says nothing.
  const isRefused = error instanceof TimeoutError || /alert|ECONNRESET/.test(messageOf(error)) ||
    /^ERR_(SSL|OSSL)/.test(code);
  if (tls !== undefined && isRefused) {
    return "it may ask for a certificate that its authority signed: `tls.certFile` and `tls.keyFile`, for " +
      "`gradus` the variables NATS_CERT and NATS_KEY, must be one and its key";
  }
  if (/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_)/.test(code)) {
    return "`tls.caFile`, for `gradus` the variable NATS_CA, must hold the authority that signed its certificate";
  }
  if (/support 'tls'/.test(messageOf(error))) {
    return "leave out `tls`, for `gradus` the variables NATS_CA, NATS_CERT and NATS_KEY, or give it a certificate";
  }
  return "look whether it runs, such as by `nats-server -js`, and whether it can be reached from here";
}
