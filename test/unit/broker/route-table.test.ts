import { expect, it } from 'vitest';
import { RouteTable } from '../../../broker/http/route-table.ts';

it('says which methods an address takes', () => {
  const table = new RouteTable();
  const add = (method: string | string[], url: string) => table.add({ method, url } as never);
  add('POST', '/v1/tasks');
  add(['GET'], '/v1/tasks');
  add('GET', '/v1/tasks/:id');
  add('GET', '/v1/openapi.json');
  expect(table.methodsOf('/v1/tasks?limit=1')).toEqual(['GET', 'POST']);
  expect(table.methodsOf('/v1/tasks/7')).toEqual(['GET']);
  expect(table.methodsOf('/v1/tasks/7/more')).toEqual([]);
  expect(table.methodsOf('/v1/openapiXjson')).toEqual([]);
  expect(table.methodsOf('/')).toEqual([]);
});
