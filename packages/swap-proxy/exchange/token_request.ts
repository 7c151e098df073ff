import { SwapProxyError } from "../errors.ts";
import { invalid, readForm } from "./form_body.ts";

/** RFC 8693 §2.1 and RFC 7523 §2.1. */
export const GRANTS = {
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
  assertion: "urn:ietf:params:oauth:grant-type:jwt-bearer",
} as const;

/** RFC 8693 §3. */
const TYPE = "urn:ietf:params:oauth:token-type:";
const ACCESS_TOKEN = `${TYPE}access_token`;
const SUBJECT_TYPES: ReadonlySet<string> = new Set([`${TYPE}jwt`, ACCESS_TOKEN, `${TYPE}id_token`]);
const ISSUED_TYPES: ReadonlySet<string> = new Set([`${TYPE}jwt`, ACCESS_TOKEN]);

/** What a caller asks the token endpoint for. Nothing of it is verified. */
export interface TokenRequest {
  /** The token to exchange. */
  readonly subjectToken: string;
  /** The role that is asked for. */
  readonly scope: string | undefined;
  /** The one audience that is asked for. */
  readonly audience: string | undefined;
  /** What the token that is issued is called. */
  readonly issuedType: string;
}

/** A form, and by which grant's rules it is answered. */
export interface TokenForm {
  readonly grant: "exchange" | "assertion" | undefined;
  /** @throws {SwapProxyError} `grant_type_not_supported`, `token_request_invalid`, `audience_not_allowed`. */
  read(): TokenRequest;
}

/**
 * Reads a request to the token endpoint. Parameters that it does not know are ignored (RFC 6749 §3.2), but for those that
 * would narrow or change what the token stands for.
 *
 * An `Authorization: Bearer` decides nothing: Supabase's gateways put an API key's token there where a caller sent none.
 *
 * @throws {SwapProxyError} `method_not_allowed`, `client_authentication_not_supported`, `token_request_invalid`.
 */
export async function readTokenForm(request: Request): Promise<TokenForm> {
  if (request.method !== "POST") {
    throw new SwapProxyError("method_not_allowed", "Expected a POST request");
  }
  const authorization = request.headers.get("authorization") ?? "";
  if (authorization !== "" && !/^bearer /i.test(authorization)) throw noClients();
  const form = await readForm(request);
  if (form.has("client_secret") || form.has("client_assertion")) throw noClients();
  const grantType = form.get("grant_type");
  const grant = grantType === GRANTS.exchange
    ? "exchange"
    : grantType === GRANTS.assertion
    ? "assertion"
    : undefined;
  return {
    grant,
    read() {
      if (grantType === undefined) throw invalid("The parameter grant_type is missing");
      if (grant === undefined) {
        throw new SwapProxyError("grant_type_not_supported", "The grant type is not supported");
      }
      return tokenRequest(form, grant);
    },
  };
}

function tokenRequest(
  form: ReadonlyMap<string, string>,
  grant: "exchange" | "assertion",
): TokenRequest {
  const [own, others] = grant === "exchange"
    ? ["subject_token", "assertion"]
    : ["assertion", "subject_token"];
  const subjectToken = form.get(own);
  if (subjectToken === undefined) throw invalid(`The parameter ${own} is missing`);
  if (form.has(others)) throw invalid("The parameters of two grants stand side by side");
  // It would have to stand in the token as "act" (RFC 8693 §4.1), and nothing here would heed that.
  if (form.has("actor_token") || form.has("actor_token_type")) {
    throw invalid("An actor token is not supported");
  }
  if (form.has("resource")) {
    throw new SwapProxyError("audience_not_allowed", "Expected audience in place of resource");
  }
  const subjectType = form.get("subject_token_type");
  if (grant === "exchange" && (subjectType === undefined || !SUBJECT_TYPES.has(subjectType))) {
    throw invalid(
      "The parameter subject_token_type must be that of a jwt, access_token or id_token",
    );
  }
  const issuedType = form.get("requested_token_type") ?? ACCESS_TOKEN;
  if (!ISSUED_TYPES.has(issuedType)) {
    throw invalid("The parameter requested_token_type must be that of a jwt or access_token");
  }
  return { subjectToken, scope: form.get("scope"), audience: form.get("audience"), issuedType };
}

function noClients(): SwapProxyError {
  return new SwapProxyError(
    "client_authentication_not_supported",
    "The token is the only credential of a token request",
  );
}
