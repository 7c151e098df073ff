/** Attacks that are a request around an honest token. Those that are a token stand in the fixture. */
import type { Attempt } from "@countersign/fixture";
import type { Stage } from "@countersign/fixture/stage";
import type { RefusalReason } from "@countersign/swap-proxy";

/** A request that must be refused, and a twin that differs only in the attack and passes. */
export interface RequestAttack {
  readonly name: string;
  readonly refused: RefusalReason;
  readonly attempt: (stage: Stage) => Attempt;
  readonly twin: (stage: Stage) => Attempt;
}

type Request = Attempt | ((stage: Stage) => Attempt);

function requestAttack(
  name: string,
  refused: RefusalReason,
  attempt: Request,
  twin: Request = {},
): RequestAttack {
  const made = (request: Request) => (stage: Stage) =>
    typeof request === "function" ? request(stage) : request;
  return { name, refused, attempt: made(attempt), twin: made(twin) };
}

const header = (name: string, value: (token: string) => string) => (stage: Stage): Attempt => ({
  token: null,
  headers: [[name, value(stage.warehouse.token())]],
});

const credentials: RequestAttack[] = [
  requestAttack("two Authorization headers, the second honest", "credentials_invalid", (stage) => ({
    token: "AAAA.AAAA.AAAA",
    headers: [["Authorization", `Bearer ${stage.warehouse.token()}`]],
  })),
  requestAttack("two Authorization headers, the first honest", "credentials_invalid", {
    headers: [["authorization", "Bearer AAAA.AAAA.AAAA"]],
  }),
  requestAttack(
    "two tokens joined by a comma",
    "credentials_invalid",
    header("Authorization", (token) => `Bearer ${token},Bearer ${token}`),
  ),
  requestAttack(
    "two tokens joined by a blank",
    "credentials_invalid",
    header("Authorization", (token) => `Bearer ${token} ${token}`),
  ),
  ...["Basic", "Digest", "DPoP", "Token", "Bearerr", ""].map((scheme) =>
    requestAttack(
      `scheme "${scheme}"`,
      "credentials_invalid",
      header("Authorization", (token) => `${scheme} ${token}`.trim()),
      header("Authorization", (token) => `bEARER ${token}`),
    )
  ),
  requestAttack(
    "a comma and no token",
    "credentials_invalid",
    header("Authorization", () => "Bearer,"),
  ),
  ...["Bearer", "Bearer ", "bearer"].map((value) =>
    requestAttack(
      `"${value}" and no token`,
      "token_empty",
      header("Authorization", () => value),
    )
  ),
  requestAttack("a Host header that spells another path", "host_invalid", {
    path: "/x",
    host: "x/rest/v1/widgets?select=id&",
  }),
  requestAttack("an empty Authorization header", "token_empty", {
    token: null,
    headers: [["Authorization", ""]],
  }),
  requestAttack("the token in the query", "token_missing", (stage) => ({
    token: null,
    path: `/rest/v1/widgets?access_token=${stage.warehouse.token()}`,
  })),
  requestAttack("the token in apikey", "token_missing", header("apikey", (token) => token)),
  requestAttack("the token in a cookie", "token_missing", header("Cookie", (token) => token)),
  requestAttack(
    "the token in X-Authorization",
    "token_missing",
    header("X-Authorization", (token) => `Bearer ${token}`),
  ),
  requestAttack(
    "the token in Proxy-Authorization",
    "token_missing",
    header("Proxy-Authorization", (token) => `Bearer ${token}`),
  ),
  ...(["anonKey", "serviceRoleKey"] as const).map((key) =>
    requestAttack(
      `the project's own ${key} as the token, as the CLI's gateway sends it`,
      "header_not_allowed",
      (stage) => ({ token: stage.target[key] }),
    )
  ),
  ...(["publishableKey", "secretKey"] as const).map((key) =>
    requestAttack(
      `the project's own ${key} as the token`,
      "malformed",
      (stage) => ({ token: stage.target[key] }),
    )
  ),
];

const paths: RequestAttack[] = [
  "/rest/v1/../../auth/v1/admin/users",
  "/rest/v1/./widgets",
  "/rest/v1/%2e%2e/%2e%2e/auth/v1/admin/users",
  "/rest/v1/%2E%2E%2Fauth",
  "/rest/v1/..%2fauth",
  "/rest/v1/widgets%2f..%2finvoices",
  "/rest/v1/..%5cauth",
  "/rest/v1/..\\auth",
  "/rest/v1/%252e%252e%252fauth",
  "/rest/v1/%c0%ae%c0%ae",
  "/rest/v1/%c0%af",
  "/rest/v1/widgets%00",
  "/rest/v1/widgets%0d%0aX-Injected:%201",
  "/rest/v1//widgets",
  "//rest/v1/widgets",
  "/rest//v1/widgets",
  "/rest/v1/widgets/",
  "/rest/v1/widgets/1",
  "/rest/v1/rpc/",
  "/rest/v1/rpc/whoami/x",
  "/rest/v1/rpc//whoami",
  "/restful/v1/widgets",
  "/rest/v10/widgets",
  "/Rest/v1/widgets",
  "/functions/v1/restful/widgets",
  "/functions/v1/rest/../rest2/widgets",
  "/auth/v1/admin/users",
  "/admin",
  "/",
].map((path) =>
  requestAttack(`path ${path}`, "path_not_found", { path }, { path: "/rest/v1/widgets" })
);

const methods: RequestAttack[] = ["TRACE", "PROPFIND", "CONNECTED", "get", "QUERY"].map((method) =>
  requestAttack(`method ${method}`, "method_not_allowed", { method, body: "" }, {
    method: "GET",
    body: "",
  })
);

export const REQUESTS: readonly RequestAttack[] = [...credentials, ...paths, ...methods];
