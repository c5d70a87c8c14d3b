// A weir of its own for each test file: built before (make check-clients), with
// the sandbox provider, a project, and a key made through OpenAI's SDK.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';

const binary = fileURLToPath(new URL('../../bin/weir', import.meta.url));
const adminKey = 'sk-admin-clients-0123456789abcdefghijklmnopqrstuv';

export const model = 'gpt-4o-mini';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Starts weir. The answer has what a client needs (baseURL, apiKey), usage(),
// which is what was metered, and stop().
export async function start() {
  const dir = await mkdtemp(join(tmpdir(), 'weir-clients-'));
  const address = `127.0.0.1:${await freePort()}`;
  const env = { ...process.env, WEIR_LISTEN: address, WEIR_DATA_DIR: dir, WEIR_BOOTSTRAP_ADMIN_KEY: adminKey };
  const child = spawn(binary, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(dir, { recursive: true });
  };
  try {
    await ready(address, child, said);
    const root = `http://${address}`;
    const connection = await fetch(`${root}/weir/v1/connections`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'sandbox', provider: 'sandbox' }),
    });
    if (!connection.ok) throw new Error(`no connection: ${await connection.text()}`);
    const { organization } = new OpenAI({ adminAPIKey: adminKey, apiKey: '', baseURL: `${root}/v1` }).admin;
    const project = await organization.projects.create({ name: 'clients' });
    const account = await organization.projects.serviceAccounts.create(project.id, { name: 'clients' });
    const usage = () => metered(root, project.id);
    return { baseURL: `${root}/v1`, apiKey: account.api_key.value, usage, stop };
  } catch (err) {
    await stop();
    throw new Error(`${err.message}\n${said.join('\n')}`, { cause: err });
  }
}

async function ready(address, child, said) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`weir ended: ${said.join('\n')}`);
    try {
      if ((await fetch(`http://${address}/readyz`)).ok) return;
    } catch (err) {
      if (err.cause?.code !== 'ECONNREFUSED') throw err;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// What the request log has of a project, oldest first.
async function metered(root, project) {
  const answer = await fetch(`${root}/weir/v1/requests?project_ids=${project}&limit=100`, { headers: { authorization: `Bearer ${adminKey}` } });
  const { data } = await answer.json();
  return data.reverse();
}

// Waits until so many calls are in the request log, where they arrive within
// seconds, and returns them.
export async function calls(weir, count) {
  for (let tries = 0; ; tries++) {
    const rows = await weir.usage();
    if (rows.length >= count) return rows;
    if (tries > 200) throw new Error(`${rows.length} calls are in the request log after 10 s, of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
