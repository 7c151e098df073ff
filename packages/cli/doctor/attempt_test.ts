import assert from "node:assert/strict";
import { cli } from "../fixtures/cli.ts";
import { diagnose, type DoctorStage, openDoctorStage } from "../fixtures/doctor_stage.ts";

let stage: DoctorStage;

Deno.test.beforeAll(async () => {
  stage = await openDoctorStage();
  await stage.sql.unsafe(`
    create table public.invoices (id int generated always as identity, owner text default countersign.issuer());
    alter table public.invoices enable row level security;
    create policy own on public.invoices to notes_writer
      using (owner = countersign.issuer() and (select countersign.is_live()))
      with check (owner = countersign.issuer() and (select countersign.is_live()));
    grant select, insert, update, delete on public.invoices to notes_writer;
    insert into public.invoices (owner) values ('clerk'), ('billing')`);
});

Deno.test.afterAll(async () => await stage[Symbol.asyncDispose]());

const attempt = async (...args: string[]) => {
  const { findings } = await diagnose(stage.env, {}, ["--issuer", "clerk", ...args]);
  return findings.filter(({ check }) => check === "attempt").map(({ message }) => message);
};

const rows = async () => Number((await stage.sql`select count(*) from public.invoices`)[0]?.count);

Deno.test("doctor tries a request as the issuer, through policies that ask for a sealed and live token", async () => {
  for (
    const [args, message] of [
      [["--method", "GET"], "GET invoices as notes_writer: works, rows: 1"],
      [["--method", "POST"], "POST invoices as notes_writer: works, rows: 1"],
      [
        ["--method", "PATCH", "--body", '{"owner": "clerk"}'],
        "PATCH invoices as notes_writer: works, rows: 1",
      ],
      [["--method", "DELETE"], "DELETE invoices as notes_writer: works, rows: 1"],
    ] as const
  ) {
    assert.deepEqual(await attempt("--table", "invoices", ...args), [message]);
    assert.equal(await rows(), 2);
  }
});

Deno.test("doctor tries a request under the subject that it is given", async () => {
  await stage.sql.unsafe(
    "create policy subject on public.invoices as restrictive to notes_writer using (countersign.subject() = 'job-7')",
  );
  assert.match(
    (await attempt("--table", "invoices", "--method", "GET"))[0] ?? "",
    /no row is visible/,
  );
  assert.deepEqual(
    await attempt("--table", "invoices", "--method", "GET", "--subject", "job-7"),
    ["GET invoices as notes_writer: works, rows: 1"],
  );
  await stage.sql.unsafe("drop policy subject on public.invoices");
});

Deno.test("doctor is content with auth.uid() that is asked only for users, and so is an issuer", async () => {
  await stage.sql.unsafe(`
    create table public.shared (
      text text, user_id uuid default case when countersign.claims() is null then auth.uid() end
    );
    alter table public.shared enable row level security;
    create policy users on public.shared to authenticated using (
      case when countersign.claims() is null then user_id = auth.uid() else false end
    );
    create policy issuers on public.shared for insert to notes_writer with check (countersign.is_issuer('clerk'));
    grant insert on public.shared to notes_writer`);
  const { troubles, findings } = await diagnose(stage.env, {}, [
    ...["--issuer", "clerk", "--table", "shared", "--body", '{"text": "x"}'],
  ]);
  assert.deepEqual(troubles, []);
  assert.equal(findings.at(-1)?.message, "POST shared as notes_writer: works, rows: 1");
  await stage.sql.unsafe("drop table public.shared");
});

Deno.test("doctor lists what an issuer may do, and the policies that apply", async () => {
  assert.deepEqual(await attempt(), [
    "notes_writer may SELECT, INSERT, UPDATE, DELETE on public.invoices; policies: own (ALL)",
    "notes_writer may INSERT on public.notes; policies: clerks (INSERT)",
  ]);
});

Deno.test("doctor ends within 15 s where nothing ever answers, and says what it waits for", async () => {
  const held: Deno.Conn[] = [];
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of silent) held.push(connection);
  })();
  const { port } = silent.addr;
  const started = performance.now();
  const { code, stdout, stderr } = await cli(["doctor"], {
    env: {
      SUPABASE_URL: `http://127.0.0.1:${port}`,
      SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
      COUNTERSIGN_ADMIN_DB_URL: `postgres://u:p@127.0.0.1:${port}/x`,
    },
    fetch,
    terminal: { stdout: false, stderr: true },
  });
  assert(performance.now() - started < 15_000, `${performance.now() - started} ms`);
  assert.equal(code, 1);
  assert.match(stdout, /^problem +function +\S+ does not answer in time\n/m);
  assert.match(stdout, /\nproblems: \d, warnings: 0, not checked: \d+\n$/);
  assert(stderr.startsWith("\r\x1b[Kchecking function, verify_jwt, "), stderr);
  assert(stderr.endsWith("\r\x1b[K"));
  for (const connection of held) connection.close();
  silent.close();
  await accepting;
});
