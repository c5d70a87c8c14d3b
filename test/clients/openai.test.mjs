import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { calls, model, start } from './weir.mjs';

const weather = {
  type: 'object', additionalProperties: false, required: ['city', 'days'],
  properties: { city: { type: 'string' }, days: { type: 'integer' }, unit: { enum: ['celsius', 'kelvin'] } },
};
const arguments_ = { city: 'weir', days: 1, unit: 'celsius' };
const messages = [{ role: 'user', content: 'What is a weir?' }];

let weir, client;
before(async () => {
  weir = await start();
  client = new OpenAI({ baseURL: weir.baseURL, apiKey: weir.apiKey });
});
after(() => weir?.stop());

test('chat', async () => {
  const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
  assert.match(data.choices[0].message.content, /^\[sandbox\] /);
  assert.ok(Number(response.headers.get('x-weir-cost')) > 0);
});

test('chat, streamed', async () => {
  let text = '';
  let usage;
  const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.match(text, /^\[sandbox\] /);
  assert.ok(usage.completion_tokens > 0);
});

test('a loop of tools', async () => {
  const asked = [];
  const runner = client.chat.completions.runTools({
    model, messages,
    tools: [{ type: 'function', function: { name: 'weather', parameters: weather, parse: JSON.parse, function: (a) => { asked.push(a); return 'rain'; } } }],
  });
  assert.match(await runner.finalContent(), /^\[sandbox\] /);
  assert.deepEqual(asked, [arguments_]);
});

test('a tool, streamed', async () => {
  const stream = client.chat.completions.stream({ model, messages, tools: [{ type: 'function', function: { name: 'weather', parameters: weather } }] });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), arguments_);
});

test('responses', async () => {
  const response = await client.responses.create({ model, input: 'What is a weir?' });
  assert.match(response.output_text, /^\[sandbox\] /);
});

test('responses, streamed, with a tool', async () => {
  const tools = [{ type: 'function', name: 'weather', parameters: weather, strict: false }];
  const response = await client.responses.stream({ model, input: 'Will it rain?', tools }).finalResponse();
  const call = response.output.find((item) => item.type === 'function_call');
  assert.deepEqual(JSON.parse(call.arguments), arguments_);
  const input = [{ role: 'user', content: 'Will it rain?' }, call, { type: 'function_call_output', call_id: call.call_id, output: 'yes' }];
  assert.match((await client.responses.create({ model, input, tools })).output_text, /^\[sandbox\] /);
});

test('embeddings', async () => {
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] });
  assert.equal(data.length, 2);
  assert.ok(data[0].embedding.length > 100);
});

test('models', async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes(model));
});

test('a refusal is an error of its class', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages }), (err) => {
    assert.ok(err instanceof OpenAI.NotFoundError);
    assert.equal(err.code, 'model_not_found');
    return true;
  });
});

test('every call was metered and has its price', async () => {
  const rows = (await calls(weir, 10)).filter((row) => row.status === 200);
  assert.equal(rows.length, 9);
  for (const row of rows) {
    assert.equal(row.outcome, 'completed');
    assert.ok(Number(row.cost.value) > 0, JSON.stringify(row));
  }
});
