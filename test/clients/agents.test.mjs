import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { calls, model, start } from './weir.mjs';

setTracingDisabled(true); // it would go to the provider's own address

let weir;
before(async () => { weir = await start(); });
after(() => weir?.stop());

for (const useResponses of [false, true]) {
  const api = useResponses ? 'responses' : 'chat';
  const runner = () => new Runner({
    modelProvider: new OpenAIProvider({ openAIClient: new OpenAI({ baseURL: weir.baseURL, apiKey: weir.apiKey }), useResponses }),
  });

  test(`${api}: an agent with a tool`, async () => {
    const asked = [];
    const weather = tool({
      name: 'weather', description: 'the weather', parameters: z.object({ city: z.string() }),
      execute: async (input) => { asked.push(input); return 'rain'; },
    });
    const result = await runner().run(new Agent({ name: 'a', instructions: 'Answer.', model, tools: [weather] }), 'Will it rain?');
    assert.match(result.finalOutput, /^\[sandbox\] /);
    assert.deepEqual(asked, [{ city: 'weir' }]);
  });

  test(`${api}: a streamed agent`, async () => {
    const result = await runner().run(new Agent({ name: 'a', model }), 'What is a weir?', { stream: true });
    let text = '';
    for await (const piece of result.toTextStream()) text += piece;
    await result.completed;
    assert.match(text, /^\[sandbox\] /);
  });
}

test('every call was metered', async () => {
  for (const row of await calls(weir, 6)) assert.equal(row.outcome, 'completed', JSON.stringify(row));
});
