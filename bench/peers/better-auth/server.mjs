// better-auth as its documentation sets it up: e-mail and password, sessions in the database.

import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import Database from "better-sqlite3";

const port = Number(process.env.PORT);
const database = new Database(`${process.env.DATA}/better-auth.db`);
database.pragma("journal_mode = WAL");
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: "used by this benchmark only",
  database,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
createServer(toNodeHandler(betterAuth(options))).listen(port, "127.0.0.1");
