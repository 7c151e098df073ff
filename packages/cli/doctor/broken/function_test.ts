import { FOR_LOCALHOST } from "@countersign/fixture";
import { type Broken, brokenSetups, closedPort } from "../../fixtures/broken.ts";
import type { DoctorStage } from "../../fixtures/doctor_stage.ts";

const json = (status: number, body: unknown = {}) => () => Response.json(body, { status });

/** What the platform does with `verify_jwt`: its own tokens pass. */
const verifying = (refusal: unknown): NonNullable<Broken["wrap"]> => (request, inner) =>
  request.headers.has("authorization") || request.url.endsWith("readyz")
    ? Response.json(refusal, { status: 401 })
    : inner(request);

/** What the network, or the platform in front of a project, answers to everything. */
const everywhere =
  (answer: () => Response | Promise<Response>): NonNullable<Broken["world"]> => () => ({
    fetch: () => Promise.resolve(answer()),
  });

const onlyUrl = (url: (stage: DoctorStage) => string): NonNullable<Broken["env"]> => (stage) => ({
  SUPABASE_URL: url(stage),
  SUPABASE_PUBLISHABLE_KEY: null,
  COUNTERSIGN_ADMIN_DB_URL: null,
});

async function serving(
  options: Deno.ServeTcpOptions | (Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem),
  answer: (request: Request) => Response,
  then: (port: number) => void,
): Promise<() => Promise<void>> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...options },
    answer,
  );
  then(server.addr.port);
  return await Promise.resolve(() => server.shutdown());
}

let port = 0;

brokenSetups("the function and what is in front of it", { complete: false }, [
  {
    what: "a function that was never deployed",
    wrap: json(404, { code: "NOT_FOUND", message: "Requested function was not found" }),
    expect: ["function.function_missing"],
    fix: /supabase functions deploy rest/,
  },
  {
    what: "a function that does not start",
    wrap: json(503, { code: "BOOT_ERROR" }),
    expect: ["function.function_does_not_start"],
    fix: /at its start it names every missing or invalid variable/,
  },
  {
    what: "a function that fails",
    wrap: json(500, { code: "WORKER_ERROR" }),
    expect: ["function.function_fails"],
    fix: /function's log/,
  },
  {
    what: "a function that answers with a bad gateway",
    wrap: json(502),
    expect: ["function.function_fails"],
    fix: /function's log/,
  },
  {
    what: "a function without memory",
    wrap: json(546, { code: "WORKER_LIMIT" }),
    expect: ["function.function_out_of_resources"],
    fix: /redeploy/,
  },
  {
    what: "another function under its name",
    wrap: () => new Response("<h1>hello</h1>"),
    expect: ["function.other_function"],
    fix: /under the name rest/,
  },
  {
    what: "another function that answers with JSON",
    wrap: json(200, { hello: "world" }),
    expect: ["function.other_function"],
    fix: /under the name rest/,
  },
  {
    what: "another function that demands a method",
    wrap: json(405),
    expect: ["function.other_function"],
    fix: /under the name rest/,
  },
  {
    what: "a redirect to https",
    world: everywhere(() => Response.redirect("https://prod.example.com/", 301)),
    expect: ["function.redirect", "apikey.redirect"],
    fix: /give --target https:\/\/prod\.example\.com;/,
  },
  {
    what: "a redirect to a custom domain",
    world: everywhere(() => Response.redirect("https://api.example.com/functions/v1/rest", 308)),
    expect: ["function.redirect", "apikey.redirect"],
    fix: /give --target https:\/\/api\.example\.com;/,
  },
  {
    what: "a platform that verifies tokens",
    wrap: verifying({ code: "UNAUTHORIZED_INVALID_JWT_FORMAT", message: "Invalid JWT" }),
    expect: ["verify_jwt.verify_jwt_on"],
    fix: /verify_jwt = false below \[functions\.rest\]/,
  },
  {
    what: "a platform that verifies tokens, and says it as it did before",
    wrap: verifying({ code: 401, message: "Invalid JWT" }),
    expect: ["verify_jwt.verify_jwt_on"],
    fix: /verify_jwt = false/,
  },
  {
    what: "the CLI's platform that verifies tokens",
    wrap: verifying({ msg: "Error: JWTInvalid" }),
    expect: ["verify_jwt.verify_jwt_on"],
    fix: /verify_jwt = false/,
  },
  {
    what: "a paused project",
    world: everywhere(json(540)),
    expect: ["function.paused", "apikey.paused"],
    fix: /restore it in the dashboard/,
  },
  {
    what: "a project that is restricted for its plan",
    world: everywhere(json(402, { message: "exceed_egress_quota" })),
    expect: ["function.restricted", "apikey.restricted"],
    fix: /billing/,
  },
  ...[521, 522, 523, 530].map((status): Broken => ({
    what: `a project that its gateway cannot reach (${status})`,
    world: everywhere(json(status)),
    expect: ["function.project_down", "apikey.project_down"],
    fix: /status in the dashboard/,
  })),
  {
    what: "a target without an address",
    env: onlyUrl(() => "http://no-such-project.invalid"),
    expect: ["function.unknown_host"],
    fix: /spelling of --target/,
  },
  {
    what: "a target at which nothing listens",
    env: onlyUrl(() => `http://127.0.0.1:${closedPort()}`),
    expect: ["function.connection_refused"],
    fix: /host and port of --target/,
  },
  {
    what: "https to a server that has none",
    env: onlyUrl(({ target }) => target.url.replace("http:", "https:")),
    expect: ["function.no_connection"],
    fix: /http or https/,
  },
  {
    what: "a certificate of an unknown authority",
    prepare: () => serving({ ...certified() }, () => new Response(), (at) => port = at),
    env: onlyUrl(() => `https://localhost:${port}`),
    expect: ["function.bad_certificate"],
    fix: /DENO_CERT/,
  },
  {
    what: "a target that never answers",
    world: () => ({ fetch: () => Promise.reject(new DOMException("late", "TimeoutError")) }),
    env: onlyUrl(({ target }) => target.url),
    expect: ["function.timeout"],
    fix: /network and firewalls/,
  },
  {
    what: "countersign serve given as a project",
    prepare: ({ target }) =>
      serving({}, (request) => {
        const { pathname } = new URL(request.url);
        const isHealth = pathname === "/rest/-/healthz";
        return Response.json(isHealth ? { status: "ok" } : { target: target.url }, {
          status: isHealth ? 200 : 404,
        });
      }, (at) => port = at),
    env: onlyUrl(() => `http://127.0.0.1:${port}`),
    expect: ["function.other_mount"],
    fix: /give --function-url http:\/\/127\.0\.0\.1:\d+\/rest$/,
  },
  {
    what: "a function URL that leads elsewhere",
    args: ["--function-url", "http://127.0.0.1:1/rest"],
    world: ({ target }) => ({
      fetch: (input, init) =>
        fetch(
          String(input).replace("http://127.0.0.1:1/rest", `${target.url}/functions/v1/nowhere`),
          init,
        ),
    }),
    expect: ["function.other_mount"],
    fix: /give --function-url http:\/\/127\.0\.0\.1:\d+\/functions\/v1\/rest$/,
  },
  {
    what: "a key of another project",
    env: () => ({ SUPABASE_PUBLISHABLE_KEY: "sb_publishable_of_another_project" }),
    expect: ["apikey.apikey_rejected"],
    fix: /copy a publishable/,
  },
  {
    what: "a legacy key of another project",
    env: () => ({ SUPABASE_PUBLISHABLE_KEY: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln" }),
    expect: ["apikey.apikey_rejected"],
    fix: /legacy keys may have been disabled/,
  },
  {
    what: "a Data API that is off",
    world: ({ target }) => ({
      fetch: (input, init) =>
        String(input).startsWith(`${target.url}/rest/v1`)
          ? Promise.resolve(Response.json({ message: "no Route matched" }, { status: 404 }))
          : fetch(input, init),
    }),
    expect: ["apikey.postgrest_missing"],
    fix: /Data API is enabled/,
  },
]);

function certified(): Deno.TlsCertifiedKeyPem {
  return { cert: FOR_LOCALHOST.certificate, key: FOR_LOCALHOST.key };
}
