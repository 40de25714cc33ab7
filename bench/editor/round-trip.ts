// A task without an editor: from the submission to its terminal event, and its result fetched, at a client of the broker.
import { BrokerClient } from '../../client/client.ts';
import { localConnection } from '../../client/local.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import { quantile } from '../machine.ts';

/** Runs the newest task of the broker once more, `count` times one after the other, as the editor did. */
export async function roundTrip(home: string, count: number) {
  const client = new BrokerClient(localConnection(home)!, 'runabout-bench');
  const [last] = (await client.listTasks({ limit: 1 })).items;
  if (!last) throw new Error('There is no task to repeat.');
  const task = {
    function: { id: last.function.id },
    endpoint: last.endpoint.id,
    args: await client.encodeArguments([]),
  };
  const waiting = new Map<string, () => void>();
  const ended = new Set<string>();
  const connected = Promise.withResolvers<void>();
  const stream = client.subscribe({
    connected: () => connected.resolve(),
    event: event => {
      if (event.t !== 'task' || !isTerminal(event.task.state)) return;
      ended.add(event.task.id);
      waiting.get(event.task.id)?.();
    },
  });
  try {
    await connected.promise;
    const times: number[] = [];
    for (let i = 0; i < count + 8; i++) {
      const started = performance.now();
      const [submitted] = await client.submit([task]);
      const { id } = submitted!;
      await new Promise<void>(resolve => {
        waiting.set(id, resolve);
        if (ended.has(id)) resolve();
      });
      await client.taskResult(id);
      if (i >= 8) times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    return { calls: count, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
  } finally {
    stream.close();
  }
}
