import type { PostgresTarget } from "../url/postgres_url.ts";

/**
 * What postgres.js is told about a target.
 *
 * Every option is set, so that none comes from a `PG*` variable of the environment (but for PGTARGETSESSIONATTRS,
 * for which there is no neutral value). Give it `socket` as well:
 * postgres.js cuts a host at its first colon, so by itself it connects to another machine where the host is an
 * IPv6 address. TLS is off for the same reason: the socket has it already.
 */
export function driverOptions({ host, port, user, password, database }: PostgresTarget) {
  return {
    host,
    port,
    user,
    // An empty text would be passed over for PGPASSWORD.
    password: () => password,
    database,
    max: 1,
    ssl: false,
    sslnegotiation: null,
    connect_timeout: 30,
    idle_timeout: 0,
    max_lifetime: null,
    max_pipeline: 100,
    backoff: false,
    keep_alive: 15,
    // A transaction pooler keeps no prepared statements.
    prepare: false,
    debug: false,
    fetch_types: false,
    publications: "alltables",
    connection: { application_name: "countersign" },
    onnotice: () => {},
  };
}
