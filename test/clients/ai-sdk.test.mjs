import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { calls, model, start } from './weir.mjs';

let weir, openai;
before(async () => {
  weir = await start();
  openai = createOpenAI({ baseURL: weir.baseURL, apiKey: weir.apiKey });
});
after(() => weir?.stop());

const prompt = 'What is a weir?';

for (const api of ['chat', 'responses']) {
  test(`${api}: text`, async () => {
    const { text, usage } = await generateText({ model: openai[api](model), prompt });
    assert.match(text, /^\[sandbox\] /);
    assert.ok(usage.outputTokens > 0);
  });

  test(`${api}: a stream`, async () => {
    let text = '';
    for await (const piece of streamText({ model: openai[api](model), prompt, onError: ({ error }) => { throw error; } }).textStream) text += piece;
    assert.match(text, /^\[sandbox\] /);
  });

  test(`${api}: a loop of tools`, async () => {
    const asked = [];
    const weather = tool({
      description: 'the weather',
      inputSchema: z.object({ city: z.string() }),
      execute: async (input) => { asked.push(input); return { rain: true }; },
    });
    const { text } = await generateText({ model: openai[api](model), prompt, tools: { weather }, stopWhen: stepCountIs(3) });
    assert.match(text, /^\[sandbox\] /);
    assert.deepEqual(asked, [{ city: 'weir' }]);
  });
}

test('embeddings', async () => {
  const { embeddings } = await embedMany({ model: openai.embedding('text-embedding-3-small'), values: ['a', 'b'] });
  assert.equal(embeddings.length, 2);
});

test('every call was metered', async () => {
  for (const row of await calls(weir, 9)) assert.equal(row.outcome, 'completed', JSON.stringify(row));
});
