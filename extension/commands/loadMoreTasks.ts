import type { Services } from '../services.ts';

export async function loadMoreTasks({ lists }: Services): Promise<void> {
  await lists.loadMoreTasks();
}
