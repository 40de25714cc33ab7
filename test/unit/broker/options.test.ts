import { expect, it } from 'vitest';
import { checkAddress, isLoopback, withDefaults } from '../../../broker/options.ts';

it('knows loopback addresses', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) expect(isLoopback(host), host).toBe(true);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example.org', '127.evil.org', '']) {
    expect(isLoopback(host), host).toBe(false);
  }
});

it('takes another address with TLS, or when insecure is meant', () => {
  const options = { dataDir: 'x', host: '0.0.0.0' };
  expect(() => checkAddress(withDefaults(options))).toThrow('0.0.0.0');
  expect(() => checkAddress(withDefaults({ ...options, allowInsecure: true }))).not.toThrow();
  expect(() => checkAddress(withDefaults({ ...options, tls: { certFile: 'c', keyFile: 'k' } }))).not.toThrow();
});

it('keeps defaults for options that are undefined, and sweeps more often than a lease lasts', () => {
  const settings = withDefaults({ dataDir: 'x', host: undefined, leaseMs: 900 } as never);
  expect(settings).toMatchObject({ host: '127.0.0.1', port: 0, leaseMs: 900, sweepMs: 300 });
});
