import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { calls, model, start } from './weir.mjs';

let weir, given;
before(async () => {
  weir = await start();
  given = { model, apiKey: weir.apiKey, configuration: { baseURL: weir.baseURL } };
});
after(() => weir?.stop());

const weather = tool(async () => 'rain', { name: 'weather', description: 'the weather', schema: z.object({ city: z.string() }) });

for (const useResponsesApi of [false, true]) {
  const api = useResponsesApi ? 'responses' : 'chat';
  test(`${api}: text`, async () => {
    const answer = await new ChatOpenAI({ ...given, useResponsesApi }).invoke('What is a weir?');
    assert.match(answer.text, /^\[sandbox\] /);
    assert.ok(answer.usage_metadata.output_tokens > 0);
  });

  test(`${api}: a stream`, async () => {
    let text = '';
    for await (const chunk of await new ChatOpenAI({ ...given, useResponsesApi }).stream('What is a weir?')) text += chunk.text;
    assert.match(text, /^\[sandbox\] /);
  });

  test(`${api}: a tool and its result`, async () => {
    const bound = new ChatOpenAI({ ...given, useResponsesApi }).bindTools([weather]);
    const conversation = [new HumanMessage('Will it rain?')];
    const asked = await bound.invoke(conversation);
    assert.equal(asked.tool_calls.length, 1);
    assert.deepEqual(asked.tool_calls[0].args, { city: 'weir' });
    conversation.push(asked, new ToolMessage({ content: 'rain', tool_call_id: asked.tool_calls[0].id }));
    assert.match((await bound.invoke(conversation)).text, /^\[sandbox\] /);
  });
}

test('embeddings', async () => {
  const vectors = await new OpenAIEmbeddings({ ...given, model: 'text-embedding-3-small' }).embedDocuments(['a', 'b']);
  assert.equal(vectors.length, 2);
});

test('every call was metered', async () => {
  for (const row of await calls(weir, 9)) assert.equal(row.outcome, 'completed', JSON.stringify(row));
});
