import { startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  AUTHORITY,
  FOR_ANOTHER_HOST,
  FOR_LOCALHOST,
  type ServerCertificate,
} from "@countersign/fixture";
import { listIssuers, RegistryError } from "./mod.ts";

/** Has the server present a certificate from now on. */
async function present(
  superuserUrl: string,
  name: string,
  files: ServerCertificate,
): Promise<void> {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} });
  for (
    const [file, pem] of [[`${name}.crt`, files.certificate], [`${name}.key`, files.key]] as const
  ) {
    const path = await sql.unsafe(`select current_setting('data_directory') || '/${file}' as path`);
    await sql.unsafe(
      `copy (select unnest(string_to_array('${pem}', E'\\n'))) to program 'umask 077; cat > ${
        path[0]?.path
      }'`,
    );
  }
  await sql.unsafe(`alter system set ssl_cert_file = '${name}.crt'`);
  await sql.unsafe(`alter system set ssl_key_file = '${name}.key'`);
  await sql.unsafe("alter system set ssl = on");
  await sql.unsafe("select pg_reload_conf()");
  await sql.end();
  for (let presented = ""; presented !== `${name}.crt on`;) {
    const later = postgres(superuserUrl, { max: 1 });
    const [row] = await later`
      select current_setting('ssl_cert_file') || ' ' || current_setting('ssl') as presented`;
    presented = row?.presented;
    await later.end();
  }
}

Deno.test("a connection is refused unless the certificate is what sslmode asks for", async () => {
  await using local = await startLocalTarget({ function: false });
  const connect = (host: string, sslmode: string, databaseCa?: string) => {
    const url = new URL(local.databaseUrl);
    url.hostname = host;
    url.searchParams.set("sslmode", sslmode);
    const ca = databaseCa === undefined ? {} : { databaseCa };
    return listIssuers({ databaseUrl: url.href, ...ca });
  };
  const refused = (why: RegExp, ...args: Parameters<typeof connect>) =>
    assert.rejects(connect(...args), (error) => {
      assert(error instanceof RegistryError);
      assert.equal(error.code, "unreachable");
      assert.match(error.message, why);
      return true;
    });
  const untrusted = /: No trusted authority signed the server's certificate/;
  const otherHost = /: The server's certificate is for another host/;

  await present(local.superuserUrl, "localhost", FOR_LOCALHOST);
  await refused(untrusted, "localhost", "verify-full");
  await refused(untrusted, "localhost", "verify-ca");
  // The name of the machine is not its address.
  await refused(otherHost, "127.0.0.1", "verify-full", AUTHORITY);
  await connect("localhost", "verify-full", AUTHORITY);
  await connect("127.0.0.1", "verify-ca", AUTHORITY);
  await connect("localhost", "require");

  await present(local.superuserUrl, "another", FOR_ANOTHER_HOST);
  await refused(otherHost, "localhost", "verify-full", AUTHORITY);
  await connect("localhost", "verify-ca", AUTHORITY);
  await connect("localhost", "require", AUTHORITY);
});
